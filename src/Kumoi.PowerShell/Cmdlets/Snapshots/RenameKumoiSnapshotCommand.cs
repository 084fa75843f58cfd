using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Gives snapshots other names, where the hypervisor can.</summary>
[Cmdlet(VerbsCommon.Rename, "KumoiSnapshot", SupportsShouldProcess = true, DefaultParameterSetName = ByName)]
[OutputType(typeof(KumoiSnapshot))]
public sealed class RenameKumoiSnapshotCommand : SnapshotActionCmdlet
{
    [Parameter(Mandatory = true, Position = 2, ParameterSetName = ByName)]
    [Parameter(Mandatory = true, ParameterSetName = BySnapshot)]
    [ValidateNotNull]
    public string NewName { get; set; } = "";

    /// <summary>Also writes the snapshot as it is afterwards.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    private protected override string Verb => $"Rename to '{NewName}'";

    private protected override Func<KumoiSnapshot, ActionProgress, CancellationToken, Task<ActionResult>> Bind()
    {
        var name = NewName;
        return async (snapshot, _, token) =>
        {
            var renamed = await VMSnapshots.RenameAsync(snapshot, name, token);
            return new ActionResult(
                PassThru ? [renamed] : [],
                _ => VMSnapshots.RenameAsync(renamed, snapshot.Name, CancellationToken.None));
        };
    }
}
