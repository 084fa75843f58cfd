using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Kumoi.Hypervisors.Calls;

/// <summary>
/// Makes a volume that has, byte for byte, what a file of this computer has. Cancelled or cut, it has left nothing, unless the host cannot
/// be reached any more: then <see cref="HypervisorException.OutcomeUnknown"/>.
/// </summary>
/// <param name="Pool">The storage pool, which is active.</param>
/// <param name="VolumeName">A name that no volume of it has, unless <see cref="IsMade"/>.</param>
/// <param name="LocalPath">The file, whole path.</param>
public sealed record UploadVolume(string Pool, string VolumeName, string LocalPath) : HostChange<VolumeReading>
{
    /// <summary>The same operation has made the volume, raw and of the file's length. Cancelled or cut, it is removed too.</summary>
    public bool IsMade { get; init; }

    /// <summary>How much of the file was read.</summary>
    [JsonIgnore]
    public IProgress<CopyProgress>? Progress { get; init; }

    // It takes as long as the way to the host takes.
    public override CallKind Kind => CallKind.Job;

    public override string JournalKind => "UploadVolume";

    public override string FaultOperation => Faults.FaultOperation.Define;

    public override bool IsUndoneByCancellation => true;

    public override JsonObject? Details => new() { ["pool"] = Pool, ["volume"] = VolumeName, ["file"] = LocalPath };
}
