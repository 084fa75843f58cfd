namespace Kumoi.FailureOblivious;

/// <summary>The way into <see cref="FailureObliviousList{T}"/>.</summary>
public static class FailureObliviousExtensions
{
    /// <summary>Operations on these leave out what fails.</summary>
    /// <param name="elements">Hosts, VMs, or anything that is asked over the fleet.</param>
    /// <param name="maxConcurrency">How many elements are worked on at a time, 1 or more.</param>
    public static FailureObliviousList<T> FailureOblivious<T>(this IEnumerable<T> elements, int maxConcurrency = 128)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxConcurrency, 1);
        return new([.. elements], maxConcurrency, FailureObliviousScope.Current?.Log ?? new MaskLog());
    }
}
