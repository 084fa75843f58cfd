using System.Collections.Concurrent;
using System.Globalization;
using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Makes snapshots of VMs, to which Restore-KumoiSnapshot goes back.</summary>
[Cmdlet(VerbsData.Checkpoint, "KumoiVM", SupportsShouldProcess = true)]
[OutputType(typeof(KumoiVM))]
public sealed class CheckpointKumoiVMCommand : VMActionCmdlet
{
    private readonly ConcurrentDictionary<KumoiVM, KumoiSnapshot> _made = new(ReferenceEqualityComparer.Instance);
    private int _lastId;

    /// <summary>The snapshot's name, which no other of the VM has; else the time.</summary>
    [Parameter(Position = 1)]
    [Alias("CheckpointName")]
    [ValidateNotNull]
    public string? SnapshotName { get; set; }

    [Parameter]
    [ValidateNotNull]
    public string Description { get; set; } = "";

    /// <summary>Also keeps the memory of the guest, which goes on from there when the snapshot is restored.</summary>
    [Parameter]
    public SwitchParameter WithMemory { get; set; }

    /// <summary>The guest's agent writes out its file systems and holds them still meanwhile.</summary>
    [Parameter]
    public SwitchParameter Quiesce { get; set; }

    private protected override bool MeansAnyElement => false;

    private protected override string Verb => $"Make the snapshot '{SnapshotName}'";

    private protected override void Prepare()
    {
        base.Prepare();
        SnapshotName ??= DateTime.Now.ToString("yyyy-MM-dd'T'HH-mm-ss", CultureInfo.InvariantCulture);
        if (WithMemory && Quiesce)
        {
            var message = "-Quiesce is for snapshots without memory: with it the guest goes on in the midst of its work.";
            ThrowTerminatingError(new ErrorRecord(
                new ValidationMetadataException(message), "QuiesceWithMemory", ErrorCategory.InvalidArgument, null)
            {
                ErrorDetails = new ErrorDetails(message) { RecommendedAction = "Leave out one of them." },
            });
        }
    }

    private protected override async Task<KumoiVM?> ActAsync(KumoiVM vm, ActionProgress progress, CancellationToken cancellationToken)
    {
        var id = Interlocked.Increment(ref _lastId);
        var activity = $"Making the snapshot '{SnapshotName}' of {vm.Name}";
        _made[vm] = await VMSnapshots.CreateAsync(
            vm, SnapshotName!, Description, WithMemory, Quiesce, OperationId.New(), cancellationToken,
            value => progress.Report(
                new ProgressRecord(id, activity, $"{value.BytesDone >> 20} of {value.BytesTotal >> 20} MiB of memory written")
                {
                    PercentComplete = (int)(value.Ratio * 100),
                }));
        progress.Report(new ProgressRecord(id, activity, "Done") { RecordType = ProgressRecordType.Completed });
        return await VMActions.ReadAgainAsync(vm, CancellationToken.None);
    }

    private protected override Func<KumoiConnection?, Task>? UndoOf(KumoiVM vm) =>
        _made.TryGetValue(vm, out var made)
            ? _ => VMSnapshots.RemoveAsync(made, includeChildren: false, progress: null, CancellationToken.None)
            : null;
}
