using System.Text.Json.Nodes;

namespace Kumoi.Hypervisors.Calls;

/// <summary>
/// Gives a snapshot another name. Of an internal one the images of the disks hold the name, and hypervisors cannot change it there:
/// <see cref="HypervisorError.NotSupported"/>.
/// </summary>
public sealed record RenameSnapshot(Guid Id, SnapshotKey Snapshot, string NewName) : VMChange<Done>(Id)
{
    public override string JournalKind => "RenameSnapshot";

    public override string FaultOperation => Faults.FaultOperation.Define;

    public override JsonObject? Details => new() { ["snapshot"] = Snapshot.Name, ["newName"] = NewName };
}
