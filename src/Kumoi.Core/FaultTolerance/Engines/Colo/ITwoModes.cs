using Kumoi.FaultTolerance.Modes;

namespace Kumoi.FaultTolerance.Engines.Colo;

/// <summary>An engine whose standby can run along between checkpoints, or stand still.</summary>
internal interface ITwoModes : ICheckpointEngine
{
    /// <summary>How the standby follows from the next commit on.</summary>
    PairMode Mode { get; set; }

    /// <summary>
    /// Waits for the next checkpoint, and lets out meanwhile what both have put out: until its time has come, or they are not the same any
    /// more.
    /// </summary>
    /// <param name="period">When its time has come.</param>
    /// <param name="isWanted">It is wanted at once.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    Task<CheckpointCause> UntilDueAsync(TimeSpan period, Func<bool> isWanted, CancellationToken cancellationToken);
}
