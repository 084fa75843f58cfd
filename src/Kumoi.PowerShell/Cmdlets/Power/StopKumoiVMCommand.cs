using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Asks guests to shut down and waits for it, or pulls the plug with -TurnOff.</summary>
[Cmdlet(VerbsLifecycle.Stop, "KumoiVM", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(KumoiVM))]
public sealed class StopKumoiVMCommand : VMActionCmdlet
{
    /// <summary>At once, as by pulling the plug.</summary>
    [Parameter]
    public SwitchParameter TurnOff { get; set; }

    /// <summary>How long the guest may take to shut down.</summary>
    [Parameter]
    [ValidateRange(0, 86400)]
    public int TimeoutSec { get; set; } = 120;

    private protected override bool MeansAnyElement => false;

    private protected override string Verb => "Stop";

    private protected override async Task<KumoiVM?> ActAsync(KumoiVM vm, ActionProgress progress, CancellationToken cancellationToken) =>
        await VMActions.StopAsync(vm, TurnOff, TimeSpan.FromSeconds(TimeoutSec), TimeProvider.System, cancellationToken);
}
