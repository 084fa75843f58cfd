using System.Text.Json.Nodes;

namespace Kumoi.Hypervisors.Calls;

/// <summary>Makes a volume that no VM uses now bigger; it is never made smaller.</summary>
public sealed record ResizeVolume(string Pool, string VolumeName, long Bytes) : HostChange<VolumeReading>
{
    public override string JournalKind => "ResizeVolume";

    public override string FaultOperation => Faults.FaultOperation.Define;

    public override JsonObject? Details => new() { ["pool"] = Pool, ["volume"] = VolumeName, ["bytes"] = Bytes };
}
