namespace Kumoi.FaultTolerance.Modes;

/// <summary>How the backup follows from one checkpoint to the next.</summary>
public enum PairMode
{
    /// <summary>The backup is idle; output is held until the next checkpoint.</summary>
    Checkpoint = 0,

    /// <summary>Both run and their outputs are compared; equal output goes out at once, and a difference forces a checkpoint.</summary>
    Colo,
}
