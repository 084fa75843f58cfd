using System.Management.Automation;
using System.Net;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Lineage;
using Kumoi.PowerShell.Parameters;
using Kumoi.Speculation;
using Kumoi.Speculation.Migration;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>
/// Moves running VMs to another host, live. A destination that fails is replaced by the next that the pipeline would have chosen.
/// </summary>
[Cmdlet(VerbsCommon.Move, "KumoiVM", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(KumoiVM))]
public sealed class MoveKumoiVMCommand : SpeculativeActionCmdlet
{
    private readonly Dictionary<VMKey, string> _destinations = [];
    private readonly Dictionary<VMKey, KumoiVM> _vms = [];
    private bool _isDestinationGiven;
    private SpeculationOptions? _options;
    private VMReference[]? _lastVMs;

    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Name")]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(VMNameCompleter))]
    public VMReference[] VM { get; set; } = [];

    /// <summary>
    /// The host to move to. From the pipeline: <c>Get-KumoiHost | … | Select-Object -First 1 | Move-KumoiVM -VM web1</c>.
    /// </summary>
    [Parameter(Mandatory = true, Position = 1, ValueFromPipeline = true)]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    public HostReference[] Destination { get; set; } = [];

    /// <summary>With -Speculative: how many bytes a destination may be sent before it has the whole VM.</summary>
    [Parameter]
    [ValidateRange(1L << 20, long.MaxValue)]
    public long? ByteLimit { get; set; }

    /// <summary>With -Speculative: a destination that takes fewer bytes per second is given up.</summary>
    [Parameter]
    [ValidateRange(1L, long.MaxValue)]
    public long? MinimumBytesPerSecond { get; set; }

    /// <summary>The source's daemon talks to the destination's itself; without it, this computer drives both.</summary>
    [Parameter]
    public SwitchParameter PeerToPeer { get; set; }

    /// <summary>With -PeerToPeer: the URI under which the source's daemon reaches the destination's.</summary>
    [Parameter]
    public string? TargetUri { get; set; }

    /// <summary>Limit of the migration stream, in bytes per second.</summary>
    [Parameter]
    [ValidateRange(1L << 20, long.MaxValue)]
    public long BandwidthBytesPerSecond { get; set; }

    /// <summary>
    /// With -Speculative: the address of this computer under which the source host reaches it; the stream goes through here. Else it is
    /// found from the source's URI.
    /// </summary>
    [Parameter]
    public IPAddress? RelayAddress { get; set; }

    /// <summary>
    /// With -Speculative: the addresses from which the source host sends the stream; nobody else may. Else they are found from its URI.
    /// </summary>
    [Parameter]
    public IPAddress[]? SourceAddress { get; set; }

    /// <summary>
    /// With -Speculative: the VM's memory may go unencrypted from its host to this computer, and from here to the destinations, although
    /// these hosts are connected by TLS or ssh. With -WithStorage: its memory and its disks may go unencrypted to the destination.
    /// </summary>
    [Parameter]
    public SwitchParameter AllowUnencrypted { get; set; }

    /// <summary>
    /// With -Speculative: the VM is let run at its destination only when its old host has given it up for certain. For VMs whose disks no
    /// lock guards.
    /// </summary>
    [Parameter]
    public SwitchParameter Strict { get; set; }

    /// <summary>
    /// The disks that the VM writes to go with it: they are copied to the destination while it runs, and removed where they were.
    /// </summary>
    [Parameter]
    public SwitchParameter WithStorage { get; set; }

    /// <summary>With -WithStorage: the destination's storage pool. Else those at the directories that the disks are in.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(PoolNameCompleter))]
    [ValidateNotNullOrEmpty]
    public string? TargetPool { get; set; }

    /// <summary>With -WithStorage: the disks stay where they were, too.</summary>
    [Parameter]
    public SwitchParameter KeepSource { get; set; }

    /// <summary>Move a VM although libvirt cannot see that its disks are shared.</summary>
    [Parameter]
    public SwitchParameter AllowUnsafe { get; set; }

    /// <summary>Also writes the VM as it is on its new host.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    private protected override void Prepare()
    {
        base.Prepare();
        if (WithStorage && Speculative)
        {
            Refuse(
                "A VM moves with its disks to one host: -WithStorage does not go with -Speculative.", "WithStorageIsNotSpeculative",
                "Leave out -Speculative, or put the disks on storage that the hosts share and leave out -WithStorage.");
        }

        if (!WithStorage && (TargetPool is not null || KeepSource))
        {
            Refuse(
                $"{(TargetPool is null ? "-KeepSource" : "-TargetPool")} is of disks that are copied.", "NothingIsCopied",
                "Add -WithStorage, or leave it out.");
        }

        _isDestinationGiven = MyInvocation.BoundParameters.ContainsKey(nameof(Destination));
    }

    private protected override IEnumerable<ActionRequest> CreateRequests() =>
        !Speculative ? CreatePlainRequests() : _isDestinationGiven ? CreateSpeculativeRequests() : CreateCandidateRequests();

    private IEnumerable<ActionRequest> CreatePlainRequests()
    {
        var destinations = FindHosts(Destination);
        if (destinations.Count == 0)
        {
            yield break;
        }

        foreach (var vm in FindVMs(VM, null))
        {
            if (destinations.Count > 1)
            {
                RefuseDestinations(
                    vm, $"'{string.Join(", ", Destination.AsEnumerable())}' names {destinations.Count} hosts: a VM moves to one.");
            }
            else if (!_destinations.TryAdd(vm.Key, destinations[0].Name))
            {
                RefuseDestinations(vm, $"'{vm.Name}' is already being moved to {_destinations[vm.Key]}: a VM moves to one host.");
            }
            else
            {
                yield return Request(vm, destinations[0]);
            }
        }
    }

    private void RefuseDestinations(KumoiVM vm, string message) => WriteError(
        new ErrorRecord(new PSInvalidOperationException(message), "TooManyDestinations", ErrorCategory.InvalidArgument, vm)
        {
            ErrorDetails = new ErrorDetails(message)
            {
                RecommendedAction = "Choose one host with Select-Object -First 1: if it fails, the next takes its place.",
            },
        });

    private ActionRequest.OnWorker Request(KumoiVM vm, KumoiConnection destination)
    {
        var options = new MigrationOptions
        {
            PeerToPeer = PeerToPeer,
            TargetUri = TargetUri,
            BandwidthBytesPerSecond = BandwidthBytesPerSecond > 0 ? BandwidthBytesPerSecond : null,
            AllowUnsafe = AllowUnsafe,
            AllowUnencrypted = AllowUnencrypted,
            WithStorage = WithStorage,
            TargetPool = TargetPool,
        };
        return new ActionRequest.OnWorker
        {
            Target = vm,
            ShouldProcessTarget = $"{vm.Name} on {vm.VMHost}",
            Verb = !WithStorage ? $"Move to {destination.Name}"
                : $"Move with its disks to {destination.Name}{(KeepSource ? "" : ", and remove them where they are")}",
            // Whichever came through the pipeline with a lineage: the destination is what a failed target is replaced by.
            Origin = LineageSource.OriginOf(Destination is [{ Host: { } destinationHost }] ? destinationHost : null)
                ?? LineageSource.OriginOf(VM is [{ VM: { } given }] ? given : null),
            Work = async (progress, token) =>
            {
                var id = vm.Key.GetHashCode() & int.MaxValue;
                var activity = $"Moving {vm.Name} from {vm.VMHost} to {destination.Name}";
                var reporter = new MigrationProgressReporter(progress, id, activity, TimeProvider.System);
                try
                {
                    var moved = WithStorage
                        ? await new StorageMigration(vm, destination, options, KeepSource, TimeProvider.System).RunAsync(reporter, token)
                        : await VMActions.MoveAsync(vm, destination, options, reporter, token);
                    return new ActionResult(PassThru ? [moved] : []) { MovedTo = destination };
                }
                finally
                {
                    progress.Report(new ProgressRecord(id, activity, "Done") { RecordType = ProgressRecordType.Completed });
                }
            },
        };
    }

    /// <summary>All destinations are known: each VM that comes is moved to one of them.</summary>
    private IEnumerable<ActionRequest> CreateSpeculativeRequests()
    {
        var destinations = FindCandidates(Destination);
        if (destinations.Count == 0)
        {
            yield break;
        }

        foreach (var vm in FindVMs(VM, null))
        {
            if (_vms.TryAdd(vm.Key, vm))
            {
                yield return SpeculativeRequest(vm, destinations)
                    with
                { Origin = LineageSource.OriginOf(VM is [{ VM: { } given }] ? given : null) };
            }
        }
    }

    /// <summary>Destinations come one by one; the VMs are moved when all are there.</summary>
    private IEnumerable<ActionRequest> CreateCandidateRequests()
    {
        // As a rule the VMs are the same for each.
        if (!ReferenceEquals(_lastVMs, VM) && !IsBindingOnly)
        {
            _lastVMs = VM;
            foreach (var vm in FindVMs(VM, null))
            {
                _vms.TryAdd(vm.Key, vm);
            }
        }

        return Destination.SelectMany(
            reference => FindHosts([reference]).Select(host => CandidateRequest(host, reference.Host, "Move to")));
    }

    private protected override IEnumerable<ActionRequest> CreateLastRequests()
    {
        if (Candidates is not { Count: > 0 } candidates)
        {
            return [];
        }

        return _vms.Values.Select(vm => ForCandidates(vm, candidates));

        ActionRequest.ForSeveralHosts ForCandidates(KumoiVM vm, IReadOnlyList<KumoiConnection> hosts) =>
            SpeculativeRequest(vm, hosts).OrForOthers(others => ForCandidates(vm, others));
    }

    private SpeculationOptions CreateMigrationOptions()
    {
        var options = CreateOptions();
        return options with
        {
            IsStrict = Strict,
            Budget = options.Budget with { ByteLimit = ByteLimit, MinimumBytesPerSecond = MinimumBytesPerSecond },
            Migration = new MigrationOptions
            {
                AllowUnsafe = AllowUnsafe,
                BandwidthBytesPerSecond = BandwidthBytesPerSecond > 0 ? BandwidthBytesPerSecond : null,
                RelayAddress = RelayAddress,
                SourceAddresses = SourceAddress,
                AllowUnencrypted = AllowUnencrypted,
            },
        };
    }

    private ActionRequest.OnWorker SpeculativeRequest(KumoiVM vm, IReadOnlyList<KumoiConnection> candidates)
    {
        var migration = new SpeculativeMigration(vm, _options ??= CreateMigrationOptions(), TimeProvider.System);
        if (GoesByJournal)
        {
            WriteVerbose($"{vm.Name}: {migration.Plan(candidates).Reason}.");
        }

        return new ActionRequest.OnWorker
        {
            Target = vm,
            ShouldProcessTarget = $"{vm.Name} on {vm.VMHost}",
            Verb = $"Move to one of {string.Join(", ", candidates)}",
            SettlesItsCalls = true,
            Work = async (progress, token) =>
            {
                using var reporter = new ReplicaProgressReporter(
                    progress, vm.Name, target => $"Moving {vm.Name} from {vm.VMHost} to {target}", vm.MemoryBytes);
                var moved = await RunAsync(vm.Name, () => migration.RunAsync(candidates, reporter, token), progress, token);
                return new ActionResult(PassThru ? [moved] : []) { MovedTo = moved.Connection };
            },
        };
    }
}
