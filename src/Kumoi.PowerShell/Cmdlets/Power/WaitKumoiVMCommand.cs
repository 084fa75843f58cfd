using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Parameters;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Waits until VMs are in a state, or their guests are there. All of them have the same time, whatever their number.</summary>
[Cmdlet(VerbsLifecycle.Wait, "KumoiVM", DefaultParameterSetName = ByState)]
[OutputType(typeof(KumoiVM))]
public sealed class WaitKumoiVMCommand : StepwiseCmdlet
{
    private const string ByState = "State";
    private const string ByAgent = "Agent";
    private const string ByAddress = "Address";

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
    [Parameter(ParameterSetName = ByState)]
    public PowerState State { get; set; } = PowerState.Running;

    /// <summary>Until the guest's agent is connected.</summary>
    [Parameter(Mandatory = true, ParameterSetName = ByAgent)]
    public SwitchParameter Agent { get; set; }

    /// <summary>Until an address is known under which others reach the guest.</summary>
    [Parameter(Mandatory = true, ParameterSetName = ByAddress)]
    public SwitchParameter Address { get; set; }

    /// <summary>How long it may take.</summary>
    [Parameter]
    [ValidateRange(0, 86400)]
    public int TimeoutSec { get; set; } = 300;

    protected override void ProcessRecord() => _vms.AddRange(FindVMs(VM, VMHost));

    protected override void EndProcessing()
    {
        if (IsForJob)
        {
            HandOver(nameof(VM), _vms, _vms);
            return;
        }

        foreach (var outcome in Enumerate(token => FanOut.RunAsync(_vms, Math.Max(1, _vms.Count), WaitAsync, token)))
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

    private async Task<KumoiVM?> WaitAsync(KumoiVM vm, CancellationToken cancellationToken)
    {
        var patience = TimeSpan.FromSeconds(TimeoutSec);
        return Agent ? await VMActions.WaitForAgentAsync(vm, patience, TimeProvider.System, cancellationToken)
            : Address ? await VMActions.WaitForAddressAsync(vm, patience, TimeProvider.System, cancellationToken)
            : await VMActions.WaitAsync(vm, State, patience, TimeProvider.System, cancellationToken);
    }
}
