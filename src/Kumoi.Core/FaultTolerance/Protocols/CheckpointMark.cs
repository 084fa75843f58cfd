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

    public override string ToString() => FormattableString.Invariant($"checkpoint {Number} (output {Cut})");
}
