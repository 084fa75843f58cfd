namespace Kumoi.FaultTolerance.Modes;

/// <summary>Whether lengths are so short that it is no accident.</summary>
internal static class ShortLengths
{
    /// <summary>
    /// How likely it is that so many lengths, which come at random with a mean, are together as short as they are, or shorter. 0 to 1.
    /// </summary>
    /// <param name="count">How many there are, at least one.</param>
    /// <param name="means">Their sum, in means.</param>
    /// <remarks>
    /// Exponential lengths, as of differences that do not know of each other, have a gamma distribution together; Wilson and Hilferty's
    /// approximation of it (1931) is at most 0.013 too large, for a single length, and good to 0.005 from two on.
    /// </remarks>
    public static double Likelihood(int count, double means)
    {
        var z = 3 * Math.Sqrt(count) * (Math.Cbrt(means / count) - 1 + (1 / (9.0 * count)));
        return Normal(z);
    }

    /// <summary>The standard normal distribution, to 1e-7 (Abramowitz and Stegun 26.2.17).</summary>
    private static double Normal(double z)
    {
        var t = 1 / (1 + (0.2316419 * Math.Abs(z)));
        var tail = Math.Exp(-z * z / 2) / Math.Sqrt(2 * Math.PI)
            * t * (0.319381530 + (t * (-0.356563782 + (t * (1.781477937 + (t * (-1.821255978 + (t * 1.330274429))))))));
        return z < 0 ? tail : 1 - tail;
    }
}
