using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Kumoi.Hypervisors.Calls;

/// <summary>
/// Removes a snapshot; its children become those of its parent. What the VM is now stays: the files of an external one are merged
/// into those that they are based on. A snapshot that is not there any more is fine. Cancelled, the merge stops, and
/// <see cref="SnapshotReading.IsHalfRemoved"/> of the snapshot, to which there is no way back, is true until it is removed again.
/// Each file that stays is told by <see cref="CallWarnings"/>.
/// </summary>
public sealed record RemoveSnapshot(Guid Id, SnapshotKey Snapshot) : VMChange<Done>(Id)
{
    [JsonIgnore]
    public IProgress<CopyProgress>? Progress { get; init; }

    // Merging copies disks.
    public override CallKind Kind => CallKind.Job;

    public override string JournalKind => "RemoveSnapshot";

    public override string FaultOperation => Faults.FaultOperation.Define;

    public override JsonObject? Details => new() { ["snapshot"] = Snapshot.Name };
}
