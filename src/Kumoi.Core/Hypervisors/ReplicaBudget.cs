namespace Kumoi.Hypervisors;

/// <summary>When a replica of an operation is given up. Policy: what is not set does not matter.</summary>
public sealed record ReplicaBudget
{
    /// <summary>How long the transfer may take.</summary>
    public TimeSpan? TimeLimit { get; init; }

    /// <summary>How many bytes a target may have been sent before it has the whole state.</summary>
    public long? ByteLimit { get; init; }

    /// <summary>Bytes per second, on average over <see cref="ProgressWindow"/>, that a target must take.</summary>
    public long? MinimumBytesPerSecond { get; init; }

    public TimeSpan ProgressWindow { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How many bytes may wait for one target. A full buffer drops the target at once, unless it is the last.</summary>
    public int BufferBytes { get; init; } = 32 << 20;
}
