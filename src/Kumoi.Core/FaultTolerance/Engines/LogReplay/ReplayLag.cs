namespace Kumoi.FaultTolerance.Engines.LogReplay;

/// <summary>How far a replica is behind its primary.</summary>
/// <param name="Time">How long ago the primary was where the replica has not come yet, of what it was told.</param>
/// <param name="Bytes">How much of the log it has not replayed.</param>
internal readonly record struct ReplayLag(TimeSpan Time, long Bytes)
{
    /// <summary>A replica that is farther behind is waited for, by the output and by the guest.</summary>
    public static TimeSpan Longest { get; } = TimeSpan.FromSeconds(2);

    /// <summary>The same as <see cref="Longest"/>, of the log: some seconds of a guest that puts out without any pause.</summary>
    public const long MostBytes = 64L << 20;

    public bool IsTooFar => Time > Longest || Bytes > MostBytes;

    /// <summary>The guest may go on: not at the first step back, or it would stop again at the next one.</summary>
    public bool IsNear => Time < Longest / 2 && Bytes < MostBytes / 2;
}
