using System.Text.Json.Nodes;

namespace Kumoi.Hypervisors.Calls;

/// <summary>
/// Deletes a volume; one that is gone is fine. One that a VM uses, or that others are built on, or of which that is not known, stays:
/// <see cref="HypervisorError.InvalidState"/>.
/// </summary>
public sealed record RemoveVolume(string Pool, string VolumeName) : HostChange<Done>
{
    /// <summary>The same operation has made it, and nobody was told of it: only a use that is known keeps it.</summary>
    public bool IsOwn { get; init; }

    public override string JournalKind => "RemoveVolume";

    public override string FaultOperation => Faults.FaultOperation.Define;

    public override JsonObject? Details => new() { ["pool"] = Pool, ["volume"] = VolumeName };
}
