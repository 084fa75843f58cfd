namespace Kumoi;

/// <summary>
/// The mean of a figure over independent runs, and its 95 % confidence interval by Student's t. The bounds are NaN of a single run.
/// </summary>
/// <param name="Mean">NaN where the runs do not define it: an average over nothing.</param>
/// <param name="Low">The lower bound of the interval.</param>
/// <param name="High">The upper bound.</param>
public sealed record KumoiFigure(double Mean, double Low, double High) : IComparable<KumoiFigure>, IComparable, IFormattable
{
    /// <summary>Half the width of the interval.</summary>
    public double HalfWidth => (High - Low) / 2;

    public int CompareTo(KumoiFigure? other) => other is null ? 1 : Mean.CompareTo(other.Mean);

    int IComparable.CompareTo(object? obj) => CompareTo(obj as KumoiFigure);

    public override string ToString() => ToString(null, null);

    /// <summary>The mean and half the width of the interval, both in the given format of a number.</summary>
    public string ToString(string? format, IFormatProvider? formatProvider)
    {
        format ??= "0.###";
        var mean = Mean.ToString(format, formatProvider);
        return double.IsNaN(HalfWidth) ? mean : $"{mean} ± {HalfWidth.ToString(format, formatProvider)}";
    }

    /// <summary>Of the figures that independent runs gave, one at least.</summary>
    internal static KumoiFigure Of(IReadOnlyList<double> runs, double confidence = 0.95)
    {
        var mean = runs.Average();
        if (runs.Count == 1)
        {
            return new(mean, double.NaN, double.NaN);
        }

        var deviation = Math.Sqrt(runs.Sum(run => (run - mean) * (run - mean)) / (runs.Count - 1));
        var half = BetaDistribution.StudentT(confidence, runs.Count - 1) * deviation / Math.Sqrt(runs.Count);
        return new(mean, mean - half, mean + half);
    }
}
