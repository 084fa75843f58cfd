using System.Text.Json.Serialization;

namespace Kumoi.FaultTolerance.Protocols;

/// <summary>A whole checkpoint: the state of the VM, and what it had put out until then.</summary>
/// <param name="Number">Grows by one from checkpoint to checkpoint over the whole life of the pair; the first is 1.</param>
/// <param name="Cut">How many bytes the VM had put out at its console, counted from the beginning of the pair, over all hosts.</param>
public sealed record CheckpointMark(int Number, long Cut)
{
    /// <summary>
    /// Which attempt it was: its files have this in their names, so that nothing that an attempt does late can touch those of another.
    /// </summary>
    public string Attempt { get; init; } = "";

    /// <summary>
    /// Its state is in the memory of this standby on the backup host, which can go on from it once, and is lost with its host. Null: it is
    /// on storage that all hosts have.
    /// </summary>
    public int? Standby { get; init; }

    /// <summary>
    /// How many bytes the standby itself had put out at its console, counted from its own start, when it took this checkpoint: 0 where a
    /// standby does not run before it takes over.
    /// </summary>
    public long StandbyOutput { get; init; }

    /// <summary>Whether it is still there when the backup host is lost.</summary>
    [JsonIgnore]
    public bool SurvivesBackup => Standby is null;

    public override string ToString() => FormattableString.Invariant($"checkpoint {Number} (output {Cut})");
}
