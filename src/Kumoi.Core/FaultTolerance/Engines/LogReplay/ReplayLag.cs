namespace Kumoi.FaultTolerance.Engines.LogReplay;

/// <summary>How far a replica is behind its primary.</summary>
/// <param name="Time">How long ago the primary was where the replica has not come yet, of what it was told.</param>
/// <param name="Bytes">How much of the log it has not replayed.</param>
internal readonly record struct ReplayLag(TimeSpan Time, long Bytes)
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

    public bool IsTooFar => Time > Longest || Bytes > MostBytes;

    /// <summary>The guest may go on: not at the first step back, or it would stop again at the next one.</summary>
    public bool IsNear => Time < Longest / 2 && Bytes < MostBytes / 2;
}
