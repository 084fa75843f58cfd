namespace Kumoi.FaultTolerance.Protocols;

/// <summary>
/// All that is written down of a pair's state, and all that a controller needs that goes on with it after another one's death. It is
/// written before anything is done that follows from it.
/// </summary>
/// <param name="Phase">Where it is in its life.</param>
/// <param name="Primary">The host that serves. Until a backup has taken over it is the old one.</param>
/// <param name="Backup">The host that takes over; null: it is chosen when it is needed.</param>
/// <param name="Checkpoint">The last committed one; null: no host may go on from a checkpoint.</param>
public sealed record PairRecord(PairPhase Phase, string Primary, string? Backup, CheckpointMark? Checkpoint)
{
    /// <summary>The number of the last checkpoint that was ever committed.</summary>
    public int LastNumber { get; init; }

    /// <summary>Which standby the VM is now, since it went on from one on its host; null: it is the VM that was protected.</summary>
    public int? Standby { get; init; }

    /// <summary>Why it is in this phase, in words for an admin; null: as planned.</summary>
    public string? Reason { get; init; }

    /// <summary>Nothing follows any more.</summary>
    public bool IsOver => Phase is PairPhase.Stopped or PairPhase.Lost;
}
