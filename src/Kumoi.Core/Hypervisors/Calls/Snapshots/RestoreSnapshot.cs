using System.Text.Json.Nodes;

namespace Kumoi.Hypervisors.Calls;

/// <summary>
/// Brings a VM back to a snapshot: its definition, its disks and, where the snapshot has memory, its guest, which goes on from there. Where
/// it has none, the VM is off afterwards. What the VM has become since the snapshot is lost. A VM that runs is turned off first.
/// </summary>
/// <param name="Id">The VM.</param>
/// <param name="Snapshot">The snapshot.</param>
/// <param name="Starts">The snapshot has memory, so that the VM runs or is paused afterwards.</param>
public sealed record RestoreSnapshot(Guid Id, SnapshotKey Snapshot, bool Starts) : VMChange<Done>(Id)
{
    // It takes as long as its memory takes to be read.
    public override CallKind Kind => CallKind.Job;

    public override string JournalKind => "RestoreSnapshot";

    public override string FaultOperation => Faults.FaultOperation.Start;

    public override bool BringsVM => Starts;

    public override JsonObject? Details => new() { ["snapshot"] = Snapshot.Name };
}
