using System.Text.Json.Nodes;
using System.Xml.Linq;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Journal;

namespace Kumoi.Speculation.Start;

/// <summary>
/// Starts a VM on one of several hosts (paper 002: power-on placement): a new one, or one that is off and goes to the host that wins, with
/// its definition. Replicas are made paused; the first that is there is let run, and the others leave nothing behind. Until a replica is
/// let run everything can be taken back, and nothing was lost: no guest has run.
/// </summary>
public sealed class SpeculativeStart
{
    private readonly KumoiVM? _vm;
    private readonly VMSpec? _spec;
    private readonly SpeculationOptions _options;
    private readonly TimeProvider _time;

    /// <summary>For a VM that is off: it starts on one of the targets, which its own host can be one of.</summary>
    public SpeculativeStart(KumoiVM vm, SpeculationOptions options, TimeProvider time) => (_vm, _options, _time) = (vm, options, time);

    /// <summary>For a VM that is made on one of the targets.</summary>
    public SpeculativeStart(VMSpec spec, SpeculationOptions options, TimeProvider time) => (_spec, _options, _time) = (spec, options, time);

    /// <summary>
    /// Starts the VM on one of the targets, the preferred first: replicas as the policy says, the next one for each that fails, until one
    /// has won. Where replicas would write to the same disks, there is one at a time.
    /// </summary>
    /// <exception cref="SpeculationFailedException">No target won, and the VM is as it was before: off, or not made.</exception>
    /// <exception cref="HypervisorException">
    /// Before anything was begun; or, with an unknown outcome, after the starting step: the operation stays pending in the journal.
    /// </exception>
    /// <exception cref="OperationCanceledException">It was cancelled before a winner was named. The VM is as it was before.</exception>
    public async Task<SpeculationResult> RunAsync(
        IReadOnlyList<KumoiConnection> targets, IProgress<ReplicaProgress>? progress, CancellationToken cancellationToken)
    {
        var candidates = await DistinctHosts.OfAsync(targets, _vm?.Connection, _time, cancellationToken);
        if (candidates.Count == 0)
        {
            throw new HypervisorException(
                "There is no host to start the VM on.", FaultDomain.Host, error: HypervisorError.InvalidState,
                recommendedAction: "Give hosts.");
        }

        var journal = candidates[0].Journal ?? throw new HypervisorException(
            "An operation on several hosts needs a journal.", error: HypervisorError.NotSupported,
            recommendedAction: "Give the fleet a journal.");
        var mark = new SpeculationMark(
            OperationId.New(), IsStart: true, _vm?.VMHost, [.. candidates.Select(target => target.Name)], OperationOwner.Current.ToToken());
        using var underWay = OperationsUnderWay.Enter(mark.Operation);
        var start = _vm is null ? Plan(_spec!) : await PlanAsync(_vm, candidates, cancellationToken);
        mark = mark with { IsAutostart = start.IsAutostart };
        var vm = new VMReading { CapturedAt = _time.GetUtcNow(), Id = start.Id, Name = start.Name, IsPersistent = true };
        var details = new JsonObject { ["home"] = start.Home?.Name };
        var intent = SpeculationLog.Plan(mark, vm, start.Home ?? candidates[0], candidates, details, _time.GetUtcNow());
        var log = await SpeculationLog.BeginAsync(journal, intent, cancellationToken);
        return await new SpeculativeStartRun(mark, vm, start, candidates, log, _options, progress, _time).RunAsync(cancellationToken);
    }

    /// <summary>Which of these targets would be tried at once, and which later.</summary>
    public ReplicationPlan Plan(IReadOnlyList<KumoiConnection> targets) =>
        ReplicationPlan.Make(_options, ReliabilityKind.PowerOn, targets, memoryBytes: 0);

    /// <summary>A VM that is made: all replicas have the same id.</summary>
    private static SpeculativeStartPlan Plan(VMSpec spec)
    {
        if (spec.Xml is null)
        {
            // Only the winner may start with its host: the mark says it to that one.
            var isAutostart = spec.IsAutostart;
            spec = spec with { Id = spec.Id ?? Guid.NewGuid(), IsAutostart = false };
            var sharesDisks = spec.Disks.Any(disk => disk is { Path: not null, ReadOnly: false, Floppy: false, IsCd: false });
            return new SpeculativeStartPlan(spec.Id.Value, spec.Name, spec, Home: null, sharesDisks) { IsAutostart = isAutostart };
        }

        var domain = DomainDefinition.Parse(spec.Xml);
        if (spec.Name.Length > 0)
        {
            DomainCopy.Rename(domain, spec.Name);
        }

        var name = (string?)domain.Element("name") ?? "";
        var id = Guid.TryParse((string?)domain.Element("uuid"), out var given) ? given : Guid.NewGuid();
        domain.Elements("uuid").Remove();
        domain.AddFirst(new XElement("uuid", id.ToString("D")));
        return new SpeculativeStartPlan(
            id, name, new VMSpec { Xml = domain.ToString() }, Home: null, DomainCopy.WritableDisks(domain).Any());
    }

    private static async Task<SpeculativeStartPlan> PlanAsync(
        KumoiVM vm, List<KumoiConnection> candidates, CancellationToken cancellationToken)
    {
        var now = await FleetReads.ReadVMAsync(vm, cancellationToken) ?? throw new HypervisorException(
            $"'{vm.Name}' is no longer on {vm.VMHost}.", FaultDomain.VM, error: HypervisorError.VMNotFound,
            recommendedAction: "Find it with Get-KumoiVM: it may have been moved or removed.");
        if (now.State is not PowerState.Shutoff)
        {
            throw new HypervisorException(
                $"'{vm.Name}' is {now.State}: only a VM that is off is started.", FaultDomain.VM, error: HypervisorError.InvalidState,
                recommendedAction: "A running VM goes to another host with Move-KumoiVM.");
        }

        var home = vm.Connection;
        var isElsewhere = candidates.Exists(target => !ReferenceEquals(target, home));
        if (isElsewhere && await home.Link.SendAsync(new FindHostBoundState(vm.Id), cancellationToken) is { } kept)
        {
            throw new HypervisorException(
                $"'{vm.Name}' cannot be started on another host than {home.Name}, which keeps {kept}: that would be lost.", FaultDomain.VM,
                error: HypervisorError.InvalidState,
                recommendedAction: $"Start it on {home.Name}: without -Speculative, or with -Destination {home.Name}.");
        }

        var definition = await home.Link.SendAsync(new ReadDefinition(vm.Id), cancellationToken);
        return new SpeculativeStartPlan(
            vm.Id, vm.Name, new VMSpec { Xml = definition }, home, DomainCopy.WritableDisks(DomainDefinition.Parse(definition)).Any())
        {
            IsAutostart = now.IsAutostart,
        };
    }
}
