using System.Text.Json.Nodes;

namespace Kumoi.Hypervisors.Calls;

/// <summary>Puts a disc into a CD drive, or takes it out: at once if the VM is not off, and in its definition.</summary>
/// <param name="Id">The VM.</param>
/// <param name="Target">The drive; null: the only one.</param>
/// <param name="Path">The disc's image on the host; null: no disc.</param>
/// <param name="Force">Also when the guest has locked the drive.</param>
public sealed record SetCdDrive(Guid Id, string? Target, string? Path, bool Force = false) : VMChange<DiskReading>(Id)
{
    public override string JournalKind => "SetCdDrive";

    public override string FaultOperation => Faults.FaultOperation.Define;

    public override JsonObject? Details => new() { ["target"] = Target, ["path"] = Path };
}
