using System.Text.Json.Nodes;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Journal;

namespace Kumoi.Speculation.Migration;

/// <summary>
/// A live migration to several targets at once, exactly one of which wins (paper 002). The VM is sent once; the first target that has all
/// of it is started, and the others leave nothing behind. Until then everything can be taken back, and the VM runs on where it was.
/// </summary>
/// <param name="vm">The VM.</param>
/// <param name="options">The policy.</param>
/// <param name="time">The clock.</param>
public sealed class SpeculativeMigration(KumoiVM vm, SpeculationOptions options, TimeProvider time)
{
    /// <summary>
    /// Migrates to the targets, the preferred first: so many at once as the policy says, then to the next ones, until one has won. Those
    /// that cannot take the VM, as far as that can be known before, are left out; that costs one call to each, all at once.
    /// </summary>
    /// <exception cref="SpeculationFailedException">No target won. The VM runs on where it was.</exception>
    /// <exception cref="HypervisorException">
    /// Before anything was begun; or, with an unknown outcome, after the starting step: the operation stays pending in the journal.
    /// </exception>
    /// <exception cref="OperationCanceledException">It was cancelled before a winner was named. The VM runs on where it was.</exception>
    public async Task<SpeculationResult> RunAsync(
        IReadOnlyList<KumoiConnection> targets, IProgress<ReplicaProgress>? progress, CancellationToken cancellationToken)
    {
        var journal = vm.Connection.Journal ?? throw new HypervisorException(
            "An operation on several targets needs a journal.", error: HypervisorError.NotSupported,
            recommendedAction: "Give the fleet a journal.");
        var candidates = Candidates(await DistinctHosts.OfAsync(targets, vm.Connection, time, cancellationToken));
        if (candidates.Count == 0)
        {
            throw new HypervisorException(
                $"There is no target for '{vm.Name}' but {vm.VMHost}, where it is.", FaultDomain.Host, error: HypervisorError.InvalidState,
                recommendedAction: "Give other hosts.");
        }

        var needs = await MigrationChecks.ReadNeedsAsync(vm, options.Migration, cancellationToken);
        if (needs.Obstacles.FirstOrDefault(obstacle => obstacle.IsFatal) is { } own)
        {
            // No target could take it.
            throw (own with { Message = $"'{vm.Name}' stays on {vm.VMHost}: {own.Message}" }).ToException(FaultDomain.VM);
        }

        var (fit, leftOut) = await MigrationPreflight.RunAsync(vm, needs, candidates, time, cancellationToken);

        // A repair must reach every candidate that is named, so only those are that anything can be sent to.
        candidates = fit.Count > 0 ? fit : candidates;
        var mark = new SpeculationMark(
            OperationId.New(), IsStart: false, vm.VMHost, [.. candidates.Select(target => target.Name)], OperationOwner.Current.ToToken())
        {
            IsStrict = options.IsStrict && needs.VM.State is not PowerState.Paused,
        };
        using var underWay = OperationsUnderWay.Enter(mark.Operation);
        var details = new JsonObject
        {
            ["source"] = vm.Connection.Uri,
            ["persistent"] = needs.VM.IsPersistent,
            ["paused"] = needs.VM.State is PowerState.Paused,
            ["strict"] = options.IsStrict,
        };
        var intent = SpeculationLog.Plan(mark, vm.Reading, vm.Connection, candidates, details, time.GetUtcNow());
        var log = await SpeculationLog.BeginAsync(journal, intent, cancellationToken);
        return await new SpeculativeMigrationRun(vm, mark, fit, leftOut, log, options, progress, time).RunAsync(cancellationToken);
    }

    /// <summary>Which of these targets would be tried at once, and which later.</summary>
    public ReplicationPlan Plan(IReadOnlyList<KumoiConnection> targets) =>
        ReplicationPlan.Make(options, ReliabilityKind.Migration, Candidates(targets), vm.MemoryBytes);

    private List<KumoiConnection> Candidates(IEnumerable<KumoiConnection> targets) =>
        [.. targets.Where(target => !ReferenceEquals(target, vm.Connection)).Distinct()];
}
