using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Kumoi.Hypervisors.Calls;

/// <summary>
/// Lets a disk of a VM be another image of its host, with the same content. Of a VM that is not off the content is copied there while it
/// runs, over whatever the image has, and the VM goes over when both are the same; of one that is off the image must be a copy already.
/// Cancelled, or failed, the disk is what it was.
/// </summary>
/// <param name="Id">The VM.</param>
/// <param name="Target">The disk.</param>
/// <param name="Path">The image that it has. With another the call fails.</param>
/// <param name="NewPath">The other image, as big as the disk.</param>
/// <param name="Format"><c>qcow2</c> or <c>raw</c>, of both.</param>
public sealed record SwitchDisk(Guid Id, string Target, string Path, string NewPath, string Format) : VMChange<Done>(Id)
{
    /// <summary>
    /// When the image was last written to before it was copied (<see cref="VolumeReading.ModifiedAt"/>): written to since, that of a VM
    /// that is off fails with <see cref="HypervisorError.InvalidState"/>.
    /// </summary>
    public string? ModifiedAt { get; init; }

    [JsonIgnore]
    public IProgress<CopyProgress>? Progress { get; init; }

    public override CallKind Kind => CallKind.Job;

    public override string JournalKind => "SwitchDisk";

    public override string FaultOperation => Faults.FaultOperation.Define;

    public override bool IsUndoneByCancellation => true;

    public override JsonObject? Details => new() { ["target"] = Target, ["path"] = Path, ["newPath"] = NewPath };

    /// <summary>For a disk whose image was written to while it was copied.</summary>
    internal static HypervisorException WasWritten(string vm, string target, string path) => new(
        $"The disk '{target}' of '{vm}' was written to while '{path}' was copied: the VM has been started, or somebody else writes there.",
        FaultDomain.VM, error: HypervisorError.InvalidState, recommendedAction: "Move it again: while the VM runs it is moved live.");
}
