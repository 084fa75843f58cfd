using System.Text.Json.Nodes;

namespace Kumoi.Hypervisors.Calls;

/// <summary>Makes a disk bigger; the guest of a VM that runs sees it at once. It is never made smaller.</summary>
/// <param name="Id">The VM.</param>
/// <param name="Target">The disk.</param>
/// <param name="Path">The image that it has. With another the call fails.</param>
/// <param name="Bytes">What the guest sees then.</param>
public sealed record ResizeDisk(Guid Id, string Target, string? Path, long Bytes) : VMChange<DiskReading>(Id)
{
    public override string JournalKind => "ResizeDisk";

    public override string FaultOperation => Faults.FaultOperation.Define;

    public override JsonObject? Details => new() { ["target"] = Target, ["path"] = Path, ["bytes"] = Bytes };
}
