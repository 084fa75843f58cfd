namespace Kumoi.Hypervisors;

/// <summary>How far a live migration is. All zero in its first half second (the hypervisor has no figures yet).</summary>
public sealed record MigrationProgress(long BytesTotal, long BytesProcessed, long BytesRemaining, TimeSpan Elapsed)
{
    /// <summary>How often the guest's memory was looked through for what it has written since; 0: not known.</summary>
    public long Rounds { get; init; }

    /// <summary>0..1.</summary>
    public double Ratio => BytesTotal <= 0 ? 0 : Math.Clamp((BytesTotal - BytesRemaining) / (double)BytesTotal, 0, 1);
}
