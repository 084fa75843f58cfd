using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Changes settings of VMs.</summary>
[Cmdlet(VerbsCommon.Set, "KumoiVM", SupportsShouldProcess = true)]
[OutputType(typeof(KumoiVM))]
public sealed class SetKumoiVMCommand : VMActionCmdlet
{
    /// <summary>The host starts the VM when the host itself starts; -AutoStart:$false: it does not.</summary>
    [Parameter(Mandatory = true)]
    public SwitchParameter AutoStart { get; set; }

    private protected override bool MeansAnyElement => false;

    private protected override string Verb => AutoStart ? "Set autostart" : "Set no autostart";

    private protected override async Task<KumoiVM?> ActAsync(KumoiVM vm, ActionProgress progress, CancellationToken cancellationToken) =>
        await VMActions.SetAutostartAsync(vm, AutoStart, cancellationToken);

    private protected override Func<KumoiConnection?, Task>? UndoOf(KumoiVM vm) =>
        async movedTo => await VMActions.SetAutostartAsync(vm.At(movedTo), vm.IsAutostart, CancellationToken.None);
}
