using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Removes snapshots; what the VMs are now stays.</summary>
[Cmdlet(
    VerbsCommon.Remove, "KumoiSnapshot", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High,
    DefaultParameterSetName = ByName)]
public sealed class RemoveKumoiSnapshotCommand : SnapshotActionCmdlet
{
    private int _lastId;

    /// <summary>Also removes all snapshots that were made after it.</summary>
    [Parameter]
    public SwitchParameter IncludeChildren { get; set; }

    private protected override string Verb => IncludeChildren ? "Remove with its children" : "Remove";

    private protected override Func<KumoiSnapshot, ActionProgress, CancellationToken, Task<ActionResult>> Bind() =>
        async (snapshot, progress, token) =>
        {
            var id = Interlocked.Increment(ref _lastId);
            var activity = $"Removing snapshots of {snapshot.VM}";
            await VMSnapshots.RemoveAsync(
                snapshot, IncludeChildren, (next, value) => progress.Report(Shown(id, activity, next, value)), token);
            progress.Report(new ProgressRecord(id, activity, "Done") { RecordType = ProgressRecordType.Completed });
            return ActionResult.None;
        };

    private static ProgressRecord Shown(int id, string activity, KumoiSnapshot snapshot, CopyProgress value) =>
        new(id, activity, $"'{snapshot.Name}': {value.BytesDone >> 20} of {value.BytesTotal >> 20} MiB merged")
        {
            PercentComplete = (int)(value.Ratio * 100),
        };
}
