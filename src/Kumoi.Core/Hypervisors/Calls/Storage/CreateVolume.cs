using System.Text.Json.Nodes;

namespace Kumoi.Hypervisors.Calls;

/// <summary>Makes a volume that takes up space as it is written to.</summary>
/// <param name="Pool">The storage pool, which is active.</param>
/// <param name="VolumeName">A name that no volume of it has.</param>
/// <param name="Format"><c>qcow2</c> or <c>raw</c>.</param>
/// <param name="Bytes">What a guest sees.</param>
public sealed record CreateVolume(string Pool, string VolumeName, string Format, long Bytes) : HostChange<VolumeReading>
{
    public override string JournalKind => "CreateVolume";

    public override string FaultOperation => Faults.FaultOperation.Define;

    public override JsonObject? Details => new() { ["pool"] = Pool, ["volume"] = VolumeName, ["bytes"] = Bytes };
}
