using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Brings VMs back to snapshots.</summary>
[Cmdlet(
    VerbsData.Restore, "KumoiSnapshot", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High,
    DefaultParameterSetName = ByName)]
[OutputType(typeof(KumoiVM))]
public sealed class RestoreKumoiSnapshotCommand : SnapshotActionCmdlet
{
    private readonly CopyCheck _copies = new();

    /// <summary>Also writes the VM as it is afterwards.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    private protected override string Verb => "Restore, and lose what the VM has become since";

    private protected override Func<KumoiSnapshot, ActionProgress, CancellationToken, Task<ActionResult>> Bind() =>
        async (snapshot, progress, token) =>
        {
            if (snapshot.HasMemory)
            {
                await _copies.TellAsync(
                    await VMActions.EnsureOnlyCopyAsync(Fleet, snapshot.Of, resumes: false, token), progress, token);
            }

            var restored = await VMSnapshots.RestoreAsync(snapshot, token);
            return new ActionResult(PassThru ? [restored] : []);
        };
}
