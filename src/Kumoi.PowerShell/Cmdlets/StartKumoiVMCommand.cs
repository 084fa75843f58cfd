using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.PowerShell.Pumping;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Starts VMs. In a pipeline with a choice, a VM that fails to start is replaced by the next.</summary>
[Cmdlet(VerbsLifecycle.Start, "KumoiVM", SupportsShouldProcess = true)]
[OutputType(typeof(KumoiVM))]
public sealed class StartKumoiVMCommand : VMActionCmdlet
{
    /// <summary>The VM's CPUs do not run until Resume-KumoiVM.</summary>
    [Parameter]
    public SwitchParameter Paused { get; set; }

    private protected override string Verb => "Start";

    private protected override async Task<KumoiVM?> ActAsync(KumoiVM vm, CancellationToken cancellationToken) =>
        await VMActions.StartAsync(vm, Paused, cancellationToken);

    private protected override Func<Task>? UndoOf(KumoiVM vm) =>
        () => VMActions.StopAsync(vm, turnOff: true, TimeSpan.Zero, TimeProvider.System, CancellationToken.None);
}
