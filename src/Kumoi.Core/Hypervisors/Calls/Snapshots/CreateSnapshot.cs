using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Kumoi.Hypervisors.Calls;

/// <summary>
/// Makes a snapshot of all disks that the VM writes to and, with <paramref name="WithMemory"/>, of the memory of the guest, which goes on.
/// Cancelled, it has left nothing, unless it was complete.
/// </summary>
/// <param name="Id">The VM, which has a definition.</param>
/// <param name="SnapshotName">A name that no snapshot of the VM has.</param>
/// <param name="Description">What the admin says of it.</param>
/// <param name="WithMemory">Of a VM that runs or is paused; one that is off has no memory.</param>
/// <param name="Quiesce">The guest's agent writes out and freezes its file systems meanwhile; not with memory.</param>
public sealed record CreateSnapshot(Guid Id, string SnapshotName, string Description, bool WithMemory = false, bool Quiesce = false)
    : VMChange<SnapshotReading>(Id)
{
    /// <summary>How much of the memory is written, where the hypervisor tells.</summary>
    [JsonIgnore]
    public IProgress<CopyProgress>? Progress { get; init; }

    // It takes as long as its memory takes to be written.
    public override CallKind Kind => CallKind.Job;

    public override string JournalKind => "CreateSnapshot";

    public override string FaultOperation => Faults.FaultOperation.Define;

    public override bool IsUndoneByCancellation => true;

    public override JsonObject? Details => new()
    {
        ["snapshot"] = SnapshotName,
        ["memory"] = WithMemory,
        ["quiesce"] = Quiesce,
    };
}
