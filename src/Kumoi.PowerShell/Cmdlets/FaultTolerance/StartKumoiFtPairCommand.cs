using System.Collections;
using System.Management.Automation;
using System.Text;
using Kumoi.Agents;
using Kumoi.FaultTolerance.Engines;
using Kumoi.FaultTolerance.Modes;
using Kumoi.FaultTolerance.Pairs;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Journal;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Lineage;
using Kumoi.PowerShell.Parameters;
using Kumoi.PowerShell.Session;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>
/// Protects VMs: another host goes on with them when theirs fails, from a checkpoint that contradicts nothing they have sent.
/// </summary>
[Cmdlet(VerbsLifecycle.Start, "KumoiFtPair", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(KumoiFtPair), typeof(KumoiFtFinding))]
public sealed partial class StartKumoiFtPairCommand : ActionCmdlet
{
    private readonly Dictionary<VMKey, KumoiVM> _vms = [];
    private bool _areHostsGiven;
    private VMReference[]? _lastVMs;
    private ModeOptions? _modes;
    private CheckpointEngine? _checkpointsBy;

    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Name")]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(VMNameCompleter))]
    public VMReference[] VM { get; set; } = [];

    /// <summary>
    /// The hosts that may take over, the preferred first. From the pipeline:
    /// <c>Get-KumoiHost | … | Select-Object -First 2 | Start-KumoiFtPair -VM web1</c>.
    /// </summary>
    [Parameter(Mandatory = true, Position = 1, ValueFromPipeline = true)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    public HostReference[] BackupHost { get; set; } = [];

    /// <summary>How the VM is protected.</summary>
    [Parameter]
    public ProtectionMode Mode { get; set; }

    /// <summary>With -Mode Hybrid: the rule that chooses between checkpoint mode and COLO.</summary>
    [Parameter]
    public ModeRule Controller { get; set; }

    /// <summary>With -Mode Hybrid: options of the rule, by name.</summary>
    [Parameter]
    [ValidateNotNull]
    public Hashtable ControllerOption { get; set; } = [];

    /// <summary>What makes the checkpoints.</summary>
    [Parameter]
    public EngineChoice Engine { get; set; }

    /// <summary>A folder on storage that all hosts and this computer have under the same path. Not needed for simulated hosts.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? CheckpointPath { get; set; }

    /// <summary>The time from one checkpoint to the next; else it is chosen so that the limits hold.</summary>
    [Parameter]
    [ValidateRange(1, 3600000)]
    public int? CheckpointPeriodMs { get; set; }

    /// <summary>The share of time in which the guest may stand still for checkpoints, 0 to 1.</summary>
    [Parameter]
    [ValidateRange(0.0001, 1.0)]
    public double? MaxDowntimeRatio { get; set; }

    /// <summary>How long output may be held.</summary>
    [Parameter]
    [ValidateRange(1, 3600000)]
    public int? MaxOutputLatencyMs { get; set; }

    /// <summary>
    /// A program that switches a host's power off. It gets the host's name as its only argument, and says with status 0 that the host is
    /// off.
    /// </summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? FenceCommand { get; set; }

    /// <summary>There is no such program: a host that does not answer is then not followed by another.</summary>
    [Parameter]
    public SwitchParameter NoFence { get; set; }

    /// <summary>With -Engine Migrate: the VM's memory may go unencrypted from host to host.</summary>
    [Parameter]
    public SwitchParameter AllowUnencrypted { get; set; }

    /// <summary>With -Mode LogReplay: what was recorded is kept, for Restore-KumoiVM.</summary>
    [Parameter]
    public SwitchParameter KeepLog { get; set; }

    /// <summary>With -KeepLog: how much room kept recordings may take. The newest stays in any case.</summary>
    [Parameter]
    [ValidateRange(1, long.MaxValue)]
    public long KeepLogBytes { get; set; } = 1L << 30;

    /// <summary>How long a host may be silent.</summary>
    [Parameter]
    [ValidateRange(100, 600000)]
    public int SilenceMs { get; set; } = 2000;

    /// <summary>Whoever protects the VM by now is known to be gone for good.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    private protected override void Prepare()
    {
        _areHostsGiven = MyInvocation.BoundParameters.ContainsKey(nameof(BackupHost));
        if (CheckpointPeriodMs is not null && (MaxDowntimeRatio is not null || MaxOutputLatencyMs is not null))
        {
            Refuse(
                "A fixed period cannot keep limits.", "PeriodAndLimits",
                "Give -CheckpointPeriodMs, or -MaxDowntimeRatio and -MaxOutputLatencyMs, by which the period is chosen.");
        }

        PrepareMode();
        if (FenceCommand is not null && NoFence)
        {
            Refuse("-FenceCommand and -NoFence contradict each other.", "FenceAndNoFence", "Leave out one of them.");
        }

        if (FenceCommand is { } command)
        {
            var path = GetUnresolvedProviderPathFromPSPath(command);
            FenceCommand = File.Exists(path) ? path : SessionState.InvokeCommand.GetCommand(command, CommandTypes.Application)?.Source;
            if (FenceCommand is null)
            {
                Refuse($"There is no program '{command}'.", "FenceCommandNotFound", "Give the path of a program that can be run here.");
            }
        }
    }

    private protected override IEnumerable<ActionRequest> CreateRequests()
    {
        if (!_areHostsGiven)
        {
            NoteVMs();
            return BackupHost.SelectMany(
                reference => FindHosts([reference]).Select(host => CandidateRequest(host, reference.Host, "Protect by")));
        }

        var hosts = FindCandidates(BackupHost);
        return hosts.Count == 0 ? [] : FindServing().Where(vm => _vms.TryAdd(vm.Key, vm)).SelectMany(vm => Requests(vm, hosts));
    }

    private protected override IEnumerable<ActionRequest> CreateLastRequests() =>
        Candidates is { Count: > 0 } hosts ? _vms.Values.SelectMany(vm => Requests(vm, hosts)) : [];

    /// <summary>As a rule the VMs are the same for each host.</summary>
    private void NoteVMs()
    {
        if (!ReferenceEquals(_lastVMs, VM) && !IsBindingOnly)
        {
            _lastVMs = VM;
            foreach (var vm in FindServing())
            {
                _vms.TryAdd(vm.Key, vm);
            }
        }
    }

    /// <summary>A host on which a VM was before a failover still has it, off: the one that runs is meant.</summary>
    private IEnumerable<KumoiVM> FindServing() => FindVMs(VM, null).GroupBy(vm => vm.Id)
        .SelectMany(copies => copies.Any(IsOn) ? copies.Where(IsOn) : copies);

    private static bool IsOn(KumoiVM vm) => vm.State is not (PowerState.Shutoff or PowerState.Crashed);

    private IEnumerable<ActionRequest> Requests(KumoiVM vm, IReadOnlyList<KumoiConnection> backups)
    {
        PairOrder order;
        try
        {
            order = Order(vm, backups);
        }
        catch (Exception e) when (e is HypervisorException or AgentException or JournalException)
        {
            WriteFailure(e, vm);
            yield break;
        }

        if (IsWhatIf())
        {
            order = ShowFindings(vm, backups, order) ?? order;
        }

        yield return Request(vm, backups, order);
    }

    private ActionRequest Request(KumoiVM vm, IReadOnlyList<KumoiConnection> backups, PairOrder order)
    {
        var request = new ActionRequest.OnWorker
        {
            Target = vm,
            ShouldProcessTarget = $"{vm.Name} on {vm.VMHost}",
            Verb = $"Protect by {string.Join(", ", backups)}{(IsWhatIf() ? Explain(order) : "")}",
            Origin = _areHostsGiven ? LineageSource.OriginOf(VM is [{ VM: { } given }] ? given : null) : null,
            Work = async (progress, token) => new ActionResult([await StartAsync(vm, backups, order, progress, token)]),
        };
        return _areHostsGiven ? request : request.OrForOthers(
            others => (ActionRequest.ForSeveralHosts)Request(vm, others, Order(vm, others)));
    }

    private async Task<KumoiFtPair> StartAsync(
        KumoiVM vm, IReadOnlyList<KumoiConnection> backups, PairOrder order, ActionProgress progress, CancellationToken cancellationToken)
    {
        (order, var found) = await PairChecks.ChooseAsync(vm, backups, order, Engine, cancellationToken);
        var unfit = found.Where(finding => finding.IsOfBackup).ToLookup(finding => finding.VMHost);
        var fit = order.Hosts.Where(host => !unfit.Contains(host.Name)).ToList();
        if (!PairChecks.CanServe(found, backups, vm))
        {
            // Other hosts may do where these cannot.
            var isOfHosts = found.All(finding => finding.IsOfBackup);
            throw new HypervisorException(
                $"'{vm.Name}' cannot be protected: {string.Join(' ', found.Select(finding => finding.Message).Distinct())}",
                isOfHosts ? FaultDomain.Host : FaultDomain.VM,
                error: isOfHosts ? HypervisorError.ResourceUnavailable : HypervisorError.InvalidState,
                recommendedAction: string.Join(' ', found.Select(finding => finding.RecommendedAction).Distinct()));
        }

        foreach (var host in unfit)
        {
            await progress.WarnAsync(
                $"{host.Key} cannot take over '{vm.Name}', and is left out: {string.Join(' ', host.Select(finding => finding.Message))}",
                cancellationToken);
        }

        if (order is { Engine: CheckpointEngine.LogReplay, IsSimulated: false })
        {
            await progress.WarnAsync(
                $"Log and replay is experimental: nothing of '{vm.Name}' is lost or told twice, but the longer it is recorded, the longer "
                    + "it takes to make another replica (see about_Kumoi_FaultTolerance).",
                cancellationToken);
        }

        if (order is { KeepLogBytes: not null, IsSimulated: true })
        {
            await progress.WarnAsync(
                $"'{order.VMName}' is simulated: nothing of it is recorded, and no log is kept.", cancellationToken);
        }

        return await KumoiSession.Pairs.StartAsync(order with { Hosts = fit }, Force, cancellationToken);
    }

    private PairOrder Order(KumoiVM vm, IReadOnlyList<KumoiConnection> backups)
    {
        IReadOnlyList<KumoiConnection> hosts = [vm.Connection, .. backups.Where(host => !ReferenceEquals(host, vm.Connection))];
        if (vm.Connection.IsSimulated)
        {
            if (hosts.FirstOrDefault(host => !host.IsSimulated) is { } real)
            {
                throw new HypervisorException(
                    $"'{vm.Name}' is on a simulated host, and {real.Name} is a real one.", error: HypervisorError.InvalidSpecification,
                    recommendedAction: "Give hosts of the same kind.");
            }
        }
        else if (FenceCommand is null && !NoFence)
        {
            throw new HypervisorException(
                $"There is no fence for {vm.VMHost}: when it loses its power, nobody can know that '{vm.Name}' does not run there, and no "
                    + "other host takes over.",
                error: HypervisorError.InvalidSpecification,
                recommendedAction: "Give -FenceCommand, a program that switches a host off; or -NoFence, and a host that does not answer "
                    + "is waited for.");
        }
        else if (CheckpointPath is null)
        {
            throw new HypervisorException(
                "The checkpoints need a place that all hosts have.", error: HypervisorError.InvalidSpecification,
                recommendedAction: "Give -CheckpointPath, a folder on storage that all hosts and this computer have under the same path.");
        }

        var folder = CheckpointPath is { } path
            ? GetUnresolvedProviderPathFromPSPath(path) : Path.Combine(JournalFolder.Find(), "pairs");
        folder = Path.Combine(folder, $"kumoi-{vm.Id:D}");
        if (Encoding.UTF8.GetByteCount(folder) > PairOrder.MaxFolderBytes)
        {
            throw new HypervisorException(
                $"'{folder}' is too long for the sockets in it.", error: HypervisorError.InvalidSpecification,
                recommendedAction: "Give a shorter -CheckpointPath: a socket has a path of 107 bytes at most.");
        }

        return new PairOrder
        {
            Id = Guid.NewGuid(),
            VM = vm.Id,
            VMName = vm.Name,
            Primary = vm.VMHost,
            Hosts = [.. hosts.Select(host => new PairHost(host.Name, host.IsSimulated ? host.Uri : HostOrder.Of(host).Uri))],
            Folder = folder,
            Modes = _modes,
            CheckpointsBy = _checkpointsBy,
            AllowUnencrypted = AllowUnencrypted || vm.Connection.IsSimulated, // there is no network between them
            Goals = new PairGoals(CheckpointPeriodMs, MaxDowntimeRatio, MaxOutputLatencyMs),
            FenceCommand = FenceCommand,
            SilenceMs = SilenceMs,
            KeepLogBytes = KeepLog ? KeepLogBytes : null,
            IsSimulated = vm.Connection.IsSimulated,
        };
    }

    /// <summary>Returns the order with its engine; null: none can serve, or the VM cannot be read.</summary>
    private PairOrder? ShowFindings(KumoiVM vm, IReadOnlyList<KumoiConnection> backups, PairOrder order)
    {
        try
        {
            (order, var found) = Await(PairChecks.ChooseAsync(vm, backups, order, Engine, StopToken));
            WriteObject(found, enumerateCollection: true);
            return PairChecks.CanServe(found, backups, vm) ? order : null;
        }
        catch (HypervisorException e)
        {
            WriteFailure(e, vm);
            return null;
        }
    }

    /// <summary>Which engine was chosen, and why.</summary>
    private static string Explain(PairOrder order) => order.EngineReason is { } why ? $" with {order.Engine} ({why.TrimEnd('.')})" : "";
}
