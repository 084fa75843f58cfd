namespace Kumoi.Agent.Http;

/// <summary>What a client may ask of the agent.</summary>
internal sealed record RequestLimits
{
    /// <summary>How many may be connected at a time. One more is cut off at once.</summary>
    public int Connections { get; init; } = 64;

    /// <summary>A group of thousands of hosts has room.</summary>
    public int BodyBytes { get; init; } = 4 * 1024 * 1024;

    public int HeaderBytes { get; init; } = 8 * 1024;

    /// <summary>How long the head of a request may take to arrive, and then its body. A client that is slower is cut off.</summary>
    public TimeSpan Arrival { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a connection may be idle between two requests.</summary>
    public TimeSpan KeepAlive { get; init; } = TimeSpan.FromMinutes(1);
}
