namespace Kumoi.Speculation.Reliability;

/// <summary>
/// On how many targets an operation is tried, and when each replica begins. The closed set is that of the nested types.
/// </summary>
public abstract record ReplicationPolicy
{
    /// <summary>Candidates that are equal must not differ by how their numbers were rounded.</summary>
    private const double Rounding = 1e-12;

    private ReplicationPolicy(int maxReplicas, double hedgePercentile)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxReplicas, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(hedgePercentile);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(hedgePercentile, 100);
        MaxReplicas = maxReplicas;
        HedgePercentile = hedgePercentile;
    }

    /// <summary>No operation has more replicas.</summary>
    public int MaxReplicas { get; }

    /// <summary>
    /// A further replica begins when the one before it has failed, or has taken longer than this percentile, 0 to 100, of the durations
    /// that were observed. 0: all begin at once.
    /// </summary>
    public double HedgePercentile { get; }

    /// <summary>The targets to be used, as indices into <paramref name="candidates"/>, which are in order of preference.</summary>
    /// <returns>At least one, if there is a candidate; in the order in which replicas begin.</returns>
    public virtual IReadOnlyList<int> Choose(IReadOnlyList<ReplicaCandidate> candidates)
    {
        var chosen = new int[Math.Min(MaxReplicas, candidates.Count)];
        for (var i = 0; i < chosen.Length; i++)
        {
            chosen[i] = i;
        }

        return chosen;
    }

    /// <summary>One target; another is tried only by whoever called: naive retry.</summary>
    public sealed record OneAtATime() : ReplicationPolicy(1, 0)
    {
        public override string ToString() => "retry";
    }

    /// <summary>As many replicas at once: paper 002.</summary>
    public sealed record AtOnce(int Replicas) : ReplicationPolicy(Replicas, 0)
    {
        public override string ToString() => $"{Replicas} at once";
    }

    /// <summary>Up to as many replicas, a further one only when it is needed.</summary>
    public sealed record Hedged(int Replicas, double DelayPercentile) : ReplicationPolicy(Replicas, DelayPercentile)
    {
        public override string ToString() => $"{Replicas} hedged at p{DelayPercentile:0.##}";
    }

    /// <summary>
    /// The fewest replicas whose predicted success reaches <paramref name="WantedSuccess"/>, 0..1. The cost is limited: never more than
    /// <paramref name="CostLimit"/> times that of one operation.
    /// </summary>
    public sealed record Auto(
        double WantedSuccess = 0.99, int CostLimit = 4, double DelayPercentile = 0) : ReplicationPolicy(CostLimit, DelayPercentile)
    {
        /// <summary>
        /// As few as the most reliable of them are enough; of the sets of that size that reach as much, the one that is preferred.
        /// </summary>
        public override IReadOnlyList<int> Choose(IReadOnlyList<ReplicaCandidate> candidates)
        {
            var chosen = new List<int>(CostLimit);
            var reached = Complete(candidates, chosen, CostLimit, WantedSuccess);
            if (reached < WantedSuccess - Rounding)
            {
                return chosen;
            }

            var preferred = new List<int>(chosen.Count);
            for (var i = 0; i < candidates.Count && preferred.Count < chosen.Count; i++)
            {
                if (Complete(candidates, [.. preferred, i], chosen.Count, wanted: 1) >= WantedSuccess - Rounding)
                {
                    preferred.Add(i);
                }
            }

            // Where racks are shared, what is added last may be something that was passed over.
            return preferred.Count == chosen.Count ? preferred : chosen;
        }

        /// <summary>
        /// Adds to those that were taken, up to so many or until they reach what is wanted, each time the candidate that adds most to the
        /// predicted success, which prefers other racks; the first of equals. Returns what they reach.
        /// </summary>
        private static double Complete(IReadOnlyList<ReplicaCandidate> candidates, List<int> taken, int count, double wanted)
        {
            var targets = new ReplicaCandidate[count];
            for (var i = 0; i < taken.Count; i++)
            {
                targets[i] = candidates[taken[i]];
            }

            var reached = ReplicaPrediction.Success(targets.AsSpan(0, taken.Count));
            while (taken.Count < Math.Min(count, candidates.Count) && (taken.Count == 0 || reached < wanted - Rounding))
            {
                var (best, bestReached) = (-1, -1.0);
                for (var i = 0; i < candidates.Count; i++)
                {
                    if (!taken.Contains(i))
                    {
                        targets[taken.Count] = candidates[i];
                        var with = ReplicaPrediction.Success(targets.AsSpan(0, taken.Count + 1));
                        if (with > bestReached + Rounding)
                        {
                            (best, bestReached) = (i, with);
                        }
                    }
                }

                targets[taken.Count] = candidates[best];
                taken.Add(best);
                reached = bestReached;
            }

            return reached;
        }

        public override string ToString() => DelayPercentile > 0 ? $"Auto hedged at p{DelayPercentile:0.##}" : "Auto at once";
    }
}
