namespace Kumoi.Speculation.Reliability;

/// <summary>What is held of an operation on a host before it was seen there, and how fast what was seen is forgotten.</summary>
/// <param name="Success">The expected probability of success, 0..1, both excluded: the mean of a Beta distribution.</param>
/// <param name="Weight">As many observations as this outweigh the prior: the sum of the Beta distribution's parameters.</param>
/// <param name="HalfLife">After this time an observation counts half.</param>
public sealed record ReliabilityPrior(double Success, double Weight, TimeSpan HalfLife)
{
    /// <summary>Nine in ten succeed, until two observations say otherwise; a day's half-life.</summary>
    public static ReliabilityPrior Default { get; } = new(0.9, 2, TimeSpan.FromDays(1));
}
