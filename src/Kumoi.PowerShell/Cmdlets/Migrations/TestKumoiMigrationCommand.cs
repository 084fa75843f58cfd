using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Parameters;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Tells what stands in the way of live migrations, without changing anything.</summary>
[Cmdlet(VerbsDiagnostic.Test, "KumoiMigration")]
[OutputType(typeof(KumoiMigrationCheck), typeof(bool))]
public sealed class TestKumoiMigrationCommand : FleetCmdlet
{
    private readonly Dictionary<VMKey, KumoiVM> _vms = [];
    private readonly List<KumoiConnection> _destinations = [];
    private VMReference[]? _lastVMs;
    private bool _isVMGiven;
    private bool _isDestinationGiven;

    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Name")]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(VMNameCompleter))]
    public VMReference[] VM { get; set; } = [];

    /// <summary>The hosts that the VMs would go to; else all other hosts.</summary>
    [Parameter(Position = 1, ValueFromPipeline = true)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    [ValidateNotNullOrEmpty]
    public HostReference[] Destination { get; set; } = [];

    /// <summary>As for Move-KumoiVM -AllowUnsafe: a disk that is not known to be shared is no obstacle.</summary>
    [Parameter]
    public SwitchParameter AllowUnsafe { get; set; }

    /// <summary>As for Move-KumoiVM -WithStorage: the disks that the VM writes to are copied, and need not be shared.</summary>
    [Parameter]
    public SwitchParameter WithStorage { get; set; }

    /// <summary>With -WithStorage: the destinations' storage pool. Else those at the directories that the disks are in.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(PoolNameCompleter))]
    [ValidateNotNullOrEmpty]
    public string? TargetPool { get; set; }

    /// <summary>Writes only true or false for each VM and destination.</summary>
    [Parameter]
    public SwitchParameter Quiet { get; set; }

    /// <summary>How many VMs are checked at a time.</summary>
    [Parameter]
    [ValidateRange(1, 1024)]
    public int ThrottleLimit { get; set; } = 32;

    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        _isVMGiven = MyInvocation.BoundParameters.ContainsKey(nameof(VM));
        _isDestinationGiven = MyInvocation.BoundParameters.ContainsKey(nameof(Destination));
    }

    /// <summary>VMs or destinations come one by one; what each VM is checked against is known at the end.</summary>
    protected override void ProcessRecord()
    {
        // A name that comes by the pipeline binds to both. It is a VM's, unless the VMs are given.
        if (_isVMGiven || _isDestinationGiven)
        {
            foreach (var host in Destination.SelectMany(reference => FindHosts([reference])).Where(host => !_destinations.Contains(host)))
            {
                _destinations.Add(host);
            }
        }

        if (!ReferenceEquals(_lastVMs, VM))
        {
            _lastVMs = VM;
            foreach (var vm in FindVMs(VM, null))
            {
                _vms.TryAdd(vm.Key, vm);
            }
        }
    }

    protected override void EndProcessing()
    {
        var isAnyDestination = !_isDestinationGiven && !(_isVMGiven && MyInvocation.ExpectingInput);
        var options = new MigrationOptions { AllowUnsafe = AllowUnsafe, WithStorage = WithStorage, TargetPool = TargetPool };
        foreach (var outcome in Enumerate(token => FanOut.RunAsync([.. _vms.Values], ThrottleLimit, CheckAsync, token)))
        {
            if (outcome.Succeeded)
            {
                WriteObject(Quiet ? outcome.Result.Select(check => check.CanMigrate) : outcome.Result, enumerateCollection: true);
            }
            else
            {
                WriteFailure(outcome.Error!, outcome.Element);
            }
        }

        Task<IReadOnlyList<KumoiMigrationCheck>> CheckAsync(KumoiVM vm, CancellationToken token) => MigrationChecks.CheckAsync(
            vm, isAnyDestination ? [.. Fleet.Hosts.Where(host => !ReferenceEquals(host, vm.Connection))] : _destinations, options, token);
    }
}
