using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Parameters;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Waits until VMs are in a state. All of them have the same time, whatever their number.</summary>
[Cmdlet(VerbsLifecycle.Wait, "KumoiVM")]
[OutputType(typeof(KumoiVM))]
public sealed class WaitKumoiVMCommand : FleetCmdlet
{
    private readonly List<KumoiVM> _vms = [];

    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Name")]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(VMNameCompleter))]
    public VMReference[] VM { get; set; } = [];

    /// <summary>Where to look for VMs that are given by name; else on all connected hosts.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    [ValidateNotNullOrEmpty]
    public HostReference[] VMHost { get; set; } = [];

    /// <summary>The state that is waited for.</summary>
    [Parameter]
    public PowerState State { get; set; } = PowerState.Running;

    /// <summary>How long it may take.</summary>
    [Parameter]
    [ValidateRange(0, 86400)]
    public int TimeoutSec { get; set; } = 300;

    protected override void ProcessRecord() => _vms.AddRange(FindVMs(VM, VMHost));

    protected override void EndProcessing()
    {
        var patience = TimeSpan.FromSeconds(TimeoutSec);
        foreach (var outcome in Enumerate(token => FanOut.RunAsync(
            _vms, Math.Max(1, _vms.Count), (vm, stop) => VMActions.WaitAsync(vm, State, patience, TimeProvider.System, stop), token)))
        {
            if (!outcome.Succeeded)
            {
                WriteFailure(outcome.Error!, outcome.Element);
            }
            else if (outcome.Result is { } vm)
            {
                WriteObject(vm);
            }
        }
    }
}
