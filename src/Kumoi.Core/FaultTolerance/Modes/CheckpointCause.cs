namespace Kumoi.FaultTolerance.Modes;

/// <summary>Why a checkpoint was made.</summary>
public enum CheckpointCause
{
    /// <summary>Its time had come.</summary>
    Period = 0,

    /// <summary>In COLO: the outputs differed, or one of them was missing for too long.</summary>
    Mismatch,
}
