namespace Kumoi.FaultTolerance.Engines.LogReplay;

/// <summary>How far a replica is behind its primary.</summary>
/// <param name="Time">How long ago the primary was where the replica has not come yet, of what it was told.</param>
/// <param name="Bytes">How much of the log it has not replayed.</param>
/// <param name="Work">
/// How long it will take, as fast as it has replayed so far, to the last moment of the primary of which it has the log. What is after that
/// it cannot replay, and a primary that waited for it would wait for ever.
/// </param>
internal readonly record struct ReplayLag(TimeSpan Time, long Bytes, TimeSpan Work = default)
{
    /// <summary>A replica that is farther behind is waited for, by the output and by the guest.</summary>
    public static TimeSpan Longest { get; } = TimeSpan.FromSeconds(2);

    /// <summary>
    /// The same, of the log. A guest that puts out without any pause records so much in a quarter of a second, and a replica needs one to
    /// two for it; a guest that rests, more than half a minute, and a replica a quarter of that.
    /// </summary>
    public const long MostBytes = 512 << 10;

    /// <summary>None follows, and the guest has to wait.</summary>
    public static ReplayLag Hold { get; } = new(TimeSpan.Zero, long.MaxValue);

    /// <summary>The same, of what it has to do: a replica whose primary dies now does that before it goes on.</summary>
    public static TimeSpan MostWork { get; } = TimeSpan.FromSeconds(0.6);

    /// <summary>
    /// It is at the last moment that it could be told of. The log of a VM that stands still grows by each look at it, with nothing to
    /// replay: a VM that waited for that would wait for ever.
    /// </summary>
    /// <param name="unsent">How much of the log the backup does not have.</param>
    public static ReplayLag There(long unsent) => new(TimeSpan.Zero, unsent);

    public bool IsTooFar => Time > Longest || Bytes > MostBytes || Work > MostWork;

    /// <summary>The guest may go on: not at the first step back, or it would stop again at the next one.</summary>
    public bool IsNear => Time < Longest / 2 && Bytes < MostBytes / 2 && Work < MostWork / 2;
}
