namespace Kumoi.Hypervisors;

/// <summary>How far a live migration is. All zero in its first half second (the hypervisor has no figures yet).</summary>
public readonly record struct MigrationProgress(long BytesTotal, long BytesProcessed, long BytesRemaining, TimeSpan Elapsed)
{
    /// <summary>0..1.</summary>
    public double Ratio => BytesTotal <= 0 ? 0 : Math.Clamp((BytesTotal - BytesRemaining) / (double)BytesTotal, 0, 1);
}
