using System.Text.Json.Serialization;

namespace Kumoi.Hypervisors.Calls;

/// <summary>
/// Writes what a volume has, byte for byte, to a file of this computer, which is there only when it is whole. The result is its length in
/// bytes. A volume to which a VM writes that runs is refused: <see cref="HypervisorError.InvalidState"/>.
/// </summary>
/// <param name="Pool">The storage pool, which is active.</param>
/// <param name="VolumeName">The volume.</param>
/// <param name="LocalPath">The file, whole path.</param>
/// <param name="Replace">A file that is there already is replaced, at the end; else it is an error.</param>
public sealed record DownloadVolume(string Pool, string VolumeName, string LocalPath, bool Replace = false) : HostCall<long>
{
    /// <summary>How much of the volume has come.</summary>
    [JsonIgnore]
    public IProgress<CopyProgress>? Progress { get; init; }

    public override CallKind Kind => CallKind.Job;

    public override string FaultOperation => Faults.FaultOperation.Read;
}
