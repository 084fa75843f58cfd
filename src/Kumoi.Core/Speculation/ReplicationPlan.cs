using System.Globalization;
using System.Text;
using Kumoi.Speculation.Reliability;

namespace Kumoi.Speculation;

/// <summary>How one operation goes about its targets: a policy, applied to what is known of them.</summary>
public sealed record ReplicationPlan
{
    private ReplicationPlan(
        IReadOnlyList<IReadOnlyList<KumoiConnection>> rounds, TimeSpan? hedgeDelay, double predictedSuccess, string reason)
    {
        Rounds = rounds;
        HedgeDelay = hedgeDelay;
        PredictedSuccess = predictedSuccess;
        Reason = reason;
    }

    /// <summary>
    /// The targets of a round are tried at once, the preferred first; the next round is tried when all of them have failed.
    /// </summary>
    public IReadOnlyList<IReadOnlyList<KumoiConnection>> Rounds { get; }

    /// <summary>How long each round but the last may take; null: as long as the budget allows.</summary>
    public TimeSpan? HedgeDelay { get; }

    /// <summary>The probability that a target of the first round takes it, 0..1.</summary>
    public double PredictedSuccess { get; }

    /// <summary>The plan and the figures that it comes from, for the admin.</summary>
    public string Reason { get; }

    /// <summary>Applies the policy to the candidates, and then to those that it has not taken, until none is left.</summary>
    /// <param name="options">The policy, and what is known of the hosts.</param>
    /// <param name="kind">What is to be done.</param>
    /// <param name="candidates">The targets, the preferred first.</param>
    /// <param name="memoryBytes">The VM's size, on which the time of a migration depends.</param>
    public static ReplicationPlan Make(
        SpeculationOptions options, ReliabilityKind kind, IReadOnlyList<KumoiConnection> candidates, long memoryBytes)
    {
        var left = candidates.ToList();
        var rounds = new List<IReadOnlyList<KumoiConnection>>();
        var isHedged = options.HedgeDelay is not null || options.Policy.HedgePercentile > 0;
        while (left.Count > 0)
        {
            var round = options.Policy.Choose([.. left.Select(Predict)]).Select(index => left[index]).ToList();
            left.RemoveAll(round.Contains);
            rounds.AddRange(isHedged ? round.Select(target => (IReadOnlyList<KumoiConnection>)[target]) : [round]);
        }

        if (rounds.Count == 0)
        {
            return new ReplicationPlan(rounds, null, 0, "no target");
        }

        var success = ReplicaPrediction.Success([.. rounds[0].Select(Predict)]);
        var delay = options.HedgeDelay;
        var why = $"each for {delay?.TotalSeconds:0.###} s";
        if (isHedged && delay is null)
        {
            (delay, why) = DelayOf(options, kind, candidates[0].IsSimulated, memoryBytes);
        }

        return new ReplicationPlan(rounds, delay, success, Describe(isHedged ? why : null));

        ReplicaCandidate Predict(KumoiConnection target) =>
            new(options.Reliability.Success(target.Name, kind, target.IsSimulated), target.FailureGroup);

        string Describe(string? hedge)
        {
            var text = new StringBuilder();
            if (hedge is not null)
            {
                return text.Append("one after the other: ").AppendJoin(", ", rounds.Select(round => Figures(round[0]))).Append("; ")
                    .Append(hedge).ToString();
            }

            text.Append(CultureInfo.InvariantCulture, $"{rounds[0].Count} at once: ").AppendJoin(", ", rounds[0].Select(Figures));
            text.Append(CultureInfo.InvariantCulture, $"; predicted success {success:0.####}");
            if (options.Policy is ReplicationPolicy.Auto auto)
            {
                text.Append(CultureInfo.InvariantCulture, $", wanted {auto.WantedSuccess:0.####}, at most {auto.CostLimit} replicas");
            }

            return rounds.Count == 1 ? text.ToString() : text.Append("; reserve: ")
                .AppendJoin(", ", rounds.Skip(1).SelectMany(round => round)).ToString();
        }

        string Figures(KumoiConnection target)
        {
            var (success, domain) = Predict(target);
            var place = domain is null ? "" : $" in {domain}";
            return string.Create(
                CultureInfo.InvariantCulture,
                $"{target}{place} ({success:0.###} after {options.Reliability.Attempts(target.Name, kind, target.IsSimulated)})");
        }
    }

    private static (TimeSpan? Delay, string Why) DelayOf(
        SpeculationOptions options, ReliabilityKind kind, bool isSimulated, long memoryBytes)
    {
        var percentile = options.Policy.HedgePercentile;
        var count = options.Reliability.DurationCount(kind, isSimulated);
        return options.Reliability.Duration(kind, isSimulated, percentile, memoryBytes) switch
        {
            { } delay => (delay, string.Create(
                CultureInfo.InvariantCulture, $"each for {delay.TotalSeconds:0.###} s, the p{percentile:0.##} of {count}")),
            null when count < DurationWindow.Enough =>
                (null, $"each without a limit: of {DurationWindow.Enough} durations that a percentile needs, {count} are known"),
            _ => (null, string.Create(
                CultureInfo.InvariantCulture,
                $"each without a limit: too many were given up before their end to know the p{percentile:0.##}")),
        };
    }
}
