namespace Kumoi.Hypervisors;

/// <summary>How far the copying of a disk's data is.</summary>
public readonly record struct CopyProgress(long BytesTotal, long BytesDone)
{
    /// <summary>0..1.</summary>
    public double Ratio => BytesTotal <= 0 ? 0 : Math.Clamp(BytesDone / (double)BytesTotal, 0, 1);
}
