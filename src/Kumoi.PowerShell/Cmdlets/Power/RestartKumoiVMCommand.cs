using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Asks guests to reboot, or presses the reset button with -Force.</summary>
[Cmdlet(VerbsLifecycle.Restart, "KumoiVM", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(KumoiVM))]
public sealed class RestartKumoiVMCommand : VMActionCmdlet
{
    /// <summary>Reset instead of a reboot by the guest.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    private protected override bool MeansAnyElement => false;

    private protected override string Verb => "Restart";

    private protected override async Task<KumoiVM?> ActAsync(KumoiVM vm, ActionProgress progress, CancellationToken cancellationToken) =>
        await VMActions.RestartAsync(vm, Force, cancellationToken);
}
