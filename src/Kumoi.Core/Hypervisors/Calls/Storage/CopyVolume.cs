using System.Text.Json.Nodes;

namespace Kumoi.Hypervisors.Calls;

/// <summary>
/// Makes a volume that holds what another one of the same host holds, and needs nothing else: what that one is built on is in it. A host
/// copies to the end; cancelled, the copy is removed then. While a VM that runs writes to the original it fails with
/// <see cref="HypervisorError.InvalidState"/>.
/// </summary>
/// <param name="SourcePool">The storage pool of the original.</param>
/// <param name="SourceName">The original's name there.</param>
/// <param name="Pool">The storage pool of the copy, which is active.</param>
/// <param name="VolumeName">A name that no volume of that has.</param>
public sealed record CopyVolume(string SourcePool, string SourceName, string Pool, string VolumeName) : HostChange<VolumeReading>
{
    /// <summary>
    /// What the original is known to be; null: as its storage pool sees it. What a guest wrote to a raw disk can look like another format,
    /// which names any file of the host: what is built on another file is copied only if it is known to be.
    /// </summary>
    public string? SourceFormat { get; init; }

    /// <summary>Of the copy; null: the original's.</summary>
    public string? Format { get; init; }

    public override CallKind Kind => CallKind.Job;

    public override string JournalKind => "CopyVolume";

    public override string FaultOperation => Faults.FaultOperation.Define;

    public override bool IsUndoneByCancellation => true;

    public override JsonObject? Details => new()
    {
        ["sourcePool"] = SourcePool,
        ["source"] = SourceName,
        ["pool"] = Pool,
        ["volume"] = VolumeName,
    };
}
