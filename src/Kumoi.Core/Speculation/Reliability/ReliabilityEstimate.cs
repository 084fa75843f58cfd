namespace Kumoi.Speculation.Reliability;

/// <summary>
/// The success rate and the duration of one kind of operation on one host, as it was lately: counts that decay exponentially, on a Beta
/// prior. The default value has seen nothing. Immutable, and small enough for one for each host of a large fleet.
/// </summary>
public readonly record struct ReliabilityEstimate
{
    /// <summary>Successes, each with the weight that it had at <see cref="At"/>.</summary>
    public double Successes { get; init; }

    /// <summary>Failures, likewise.</summary>
    public double Failures { get; init; }

    /// <summary>The durations of the successes, likewise, summed.</summary>
    public double DurationSumSec { get; init; }

    /// <summary>When the last observation was made.</summary>
    public DateTimeOffset At { get; init; }

    /// <summary>The mean duration of a success; null before the first.</summary>
    public TimeSpan? MeanDuration => Successes > 0 ? TimeSpan.FromSeconds(DurationSumSec / Successes) : null;

    /// <summary>
    /// The estimate after one more observation. The duration of a failure says nothing about that of a success, and is not kept.
    /// </summary>
    /// <param name="succeeded">Whether the operation took effect.</param>
    /// <param name="duration">How long it took.</param>
    /// <param name="at">When it ended, not before <see cref="At"/>.</param>
    /// <param name="prior">For its half-life.</param>
    public ReliabilityEstimate Observe(bool succeeded, TimeSpan duration, DateTimeOffset at, ReliabilityPrior prior)
    {
        return succeeded ? Add(1, 0, duration.TotalSeconds, at, prior) : Add(0, 1, 0, at, prior);
    }

    /// <summary>
    /// The estimate after an operation was abandoned since another replica won. It counts as the part of a success that it had come to:
    /// left out, only those that failed before the winner was there would count, and every race would make the host look worse.
    /// </summary>
    /// <param name="progress">The part of its expected duration that it had run without a failure, 0..1.</param>
    /// <param name="at">When it was abandoned, not before <see cref="At"/>.</param>
    /// <param name="prior">For its half-life.</param>
    public ReliabilityEstimate ObserveAbandoned(double progress, DateTimeOffset at, ReliabilityPrior prior) =>
        Add(progress, 0, progress * (MeanDuration?.TotalSeconds ?? 0), at, prior);

    /// <summary>The expected probability of success, 0..1.</summary>
    public double Success(DateTimeOffset at, ReliabilityPrior prior)
    {
        var (a, b) = Posterior(at, prior);
        return a / (a + b);
    }

    /// <summary>The probability of success, 0..1, is above this with the given confidence, 0..1.</summary>
    public double SuccessLowerBound(DateTimeOffset at, ReliabilityPrior prior, double confidence = 0.95)
    {
        var (a, b) = Posterior(at, prior);
        return BetaDistribution.Quantile(1 - confidence, a, b);
    }

    private ReliabilityEstimate Add(double successes, double failures, double durationSec, DateTimeOffset at, ReliabilityPrior prior)
    {
        var kept = Decay(at, prior);
        return new()
        {
            Successes = (Successes * kept) + successes,
            Failures = (Failures * kept) + failures,
            DurationSumSec = (DurationSumSec * kept) + durationSec,
            At = at,
        };
    }

    private (double A, double B) Posterior(DateTimeOffset at, ReliabilityPrior prior)
    {
        var kept = Decay(at, prior);
        return ((prior.Success * prior.Weight) + (Successes * kept), ((1 - prior.Success) * prior.Weight) + (Failures * kept));
    }

    /// <summary>What is left of the weights, 0..1. A clock that went back forgets nothing.</summary>
    private double Decay(DateTimeOffset at, ReliabilityPrior prior) =>
        Successes + Failures <= 0 ? 0 : Math.Pow(2, -Math.Max(0, (at - At) / prior.HalfLife));
}
