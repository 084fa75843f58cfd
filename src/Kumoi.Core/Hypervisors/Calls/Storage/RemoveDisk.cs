using System.Text.Json.Nodes;

namespace Kumoi.Hypervisors.Calls;

/// <summary>
/// Takes a disk away from a VM: from its guest, which must let go of it, and then from its definition. One that the VM has not is fine.
/// With <paramref name="DeleteVolume"/> also its volume, unless others use it, or may; what stays is told by <see cref="CallWarnings"/>.
/// </summary>
/// <param name="Id">The VM.</param>
/// <param name="Target">The disk.</param>
/// <param name="Path">The image that it has; null: none that is a file. With another the call fails.</param>
/// <param name="DeleteVolume">Deletes the image.</param>
public sealed record RemoveDisk(Guid Id, string Target, string? Path, bool DeleteVolume = false) : VMChange<Done>(Id)
{
    // The guest takes its time.
    public override CallKind Kind => CallKind.Job;

    public override string JournalKind => "RemoveDisk";

    public override string FaultOperation => Faults.FaultOperation.Define;

    public override JsonObject? Details => new() { ["target"] = Target, ["path"] = Path, ["deleteVolume"] = DeleteVolume };
}
