using Kumoi.Hypervisors;

namespace Kumoi.Fleets.Links;

/// <summary>All limits on calls to hosts. A change holds for connections made after it.</summary>
public sealed record FleetLimits
{
    // Polly's.
    private static readonly TimeSpan ShortestTimeout = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan ShortestOfBreaker = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Longest = TimeSpan.FromDays(1);

    /// <summary>How many calls may be under way in all, 1 or more.</summary>
    public int MaxCalls { get; init; } = 128;

    /// <summary>How many calls may be under way on one host, 1 or more. libvirtd serves 5 of a connection at a time.</summary>
    public int MaxCallsPerHost { get; init; } = 4;

    /// <summary>
    /// How many migrations away from one host, and copies of disks on it, may be under way, 1 or more. They do not count as calls.
    /// </summary>
    public int MaxJobsPerHost { get; init; } = 4;

    /// <summary>
    /// How long a host that is read with others may be silent before those behind it, in their order, pass it; it comes when it answers, or
    /// with its error. A host that was found silent before is passed at once.
    /// </summary>
    public TimeSpan SilencePatience { get; init; } = TimeSpan.FromSeconds(1);

    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(15);

    public TimeSpan ReadTimeout { get; init; } = TimeSpan.FromSeconds(15);

    public TimeSpan WriteTimeout { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>How often a transient failure is tried again; 0: never.</summary>
    public int Retries { get; init; } = 2;

    /// <summary>The first pause between tries; it doubles, with jitter.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>
    /// A host's circuit breaker opens when, within <see cref="BreakerWindow"/>, at least so many calls were made, 2 or more, and half of
    /// them found the host out of reach. They are counted from the first call on that failed.
    /// </summary>
    public int BreakerMinimumCalls { get; init; } = 10;

    public TimeSpan BreakerWindow { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>While it is open, calls to the host fail at once.</summary>
    public TimeSpan BreakerPause { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>What is wrong with the limits; null: they can be used.</summary>
    public string? Problem =>
        TooLow(nameof(MaxCalls), MaxCalls, 1) ?? TooLow(nameof(MaxCallsPerHost), MaxCallsPerHost, 1)
        ?? TooLow(nameof(MaxJobsPerHost), MaxJobsPerHost, 1) ?? TooLow(nameof(Retries), Retries, 0)
        ?? TooLow(nameof(BreakerMinimumCalls), BreakerMinimumCalls, 2)
        ?? Outside(nameof(SilencePatience), SilencePatience, TimeSpan.Zero) ?? Outside(nameof(RetryDelay), RetryDelay, TimeSpan.Zero)
        ?? Outside(nameof(ConnectTimeout), ConnectTimeout, ShortestTimeout) ?? Outside(nameof(ReadTimeout), ReadTimeout, ShortestTimeout)
        ?? Outside(nameof(WriteTimeout), WriteTimeout, ShortestTimeout)
        ?? Outside(nameof(BreakerWindow), BreakerWindow, ShortestOfBreaker) ?? Outside(nameof(BreakerPause), BreakerPause, ShortestOfBreaker);

    /// <summary>How long one try of such a call may take; null: as long as it needs.</summary>
    public TimeSpan? TimeoutOf(CallKind kind) => kind switch
    {
        CallKind.Connect => ConnectTimeout,
        CallKind.Read or CallKind.Probe => ReadTimeout,
        CallKind.Write => WriteTimeout,
        _ => null,
    };

    private static string? TooLow(string name, int value, int least) => value < least ? $"{name} is {value}, and must be {least} or more" : null;

    private static string? Outside(string name, TimeSpan value, TimeSpan shortest) =>
        value < shortest || value > Longest ? $"{name} is {value}, and must be from {shortest} to {Longest}" : null;
}
