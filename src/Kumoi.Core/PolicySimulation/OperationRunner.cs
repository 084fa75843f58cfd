using Kumoi.Speculation.Reliability;

namespace Kumoi.PolicySimulation;

/// <summary>What all operations of a run share: the policy, what was observed, and what was counted.</summary>
internal sealed class OperationRunner(
    EventQueue queue, HostHealth health, FailureModel failures, OperationModel model, ReplicationPolicy policy, int hostCount,
    RandomStream random)
{
    /// <summary>Observations are forgotten as fast as failures pass.</summary>
    private readonly ReliabilityPrior _prior =
        ReliabilityPrior.Default with { HalfLife = TimeSpan.FromSeconds((failures.MinFailureSec + failures.MaxFailureSec) / 2) };

    private readonly DurationWindow _durations = new();
    private readonly ReliabilityEstimate[] _hosts = new ReliabilityEstimate[hostCount];
    private readonly string[] _rackNames = [.. Enumerable.Range(1, health.RackOf(hostCount - 1) + 1).Select(rack => $"rack{rack}")];
    private readonly List<ReplicaCandidate> _predictions = [];
    private ReliabilityEstimate _fleet;

    public EventQueue Queue => queue;

    public HostHealth Health => health;

    public FailureModel Failures => failures;

    public OperationModel Model => model;

    public ReplicationPolicy Policy => policy;

    public RandomStream Random => random;

    /// <summary>How many candidates the policy wants to choose from.</summary>
    public int CandidateCount => policy is ReplicationPolicy.Auto ? 2 * policy.MaxReplicas : policy.MaxReplicas;

    public long Succeeded { get; private set; }

    public long GivenUp { get; private set; }

    /// <summary>Replicas of the operations that are settled; what is under way at the end of a run counts nowhere.</summary>
    public long Attempts { get; private set; }

    public double NetworkGiB { get; private set; }

    public double UsefulNetworkGiB { get; private set; }

    public long DoubledVMs { get; private set; }

    private DateTimeOffset Now => DateTimeOffset.UnixEpoch.AddSeconds(queue.NowSec);

    /// <summary>The hosts that the policy takes of the candidates, which are in order of preference.</summary>
    public int[] Choose(List<int> candidates)
    {
        // A host of which little was seen is held to be like the fleet.
        var prior = _prior with { Success = _fleet.Success(Now, _prior) };
        _predictions.Clear();
        foreach (var host in candidates)
        {
            _predictions.Add(new(_hosts[host].Success(Now, prior), _rackNames[health.RackOf(host)]));
        }

        var chosen = policy.Choose(_predictions);
        var targets = new int[chosen.Count];
        for (var i = 0; i < targets.Length; i++)
        {
            targets[i] = candidates[chosen[i]];
        }

        return targets;
    }

    /// <summary>A replica that begins now, and what will become of it.</summary>
    public Replica Draw(int host, double sizeGiB)
    {
        // All is drawn in any case: what happens to one replica must not shift the numbers of the next.
        var duration = sizeGiB * model.SecPerGiB * health.Slowness(host) * random.LogNormal(model.DurationSigma);
        var fails = random.NextBool(failures.OperationFailureRate);
        return new Replica
        {
            Host = host,
            BegunSec = queue.NowSec,
            DurationSec = duration,
            Fails = fails || health.IsFailed(host) || health.IsLinkLost(host),
            FailureNumber = health.FailureNumber(host),
            LinkNumber = health.LinkNumber(host),
            IsUnderWay = true,
        };
    }

    /// <summary>After how long a further replica begins; null: only when this one has failed.</summary>
    public double? HedgeDelaySec(double sizeGiB) =>
        policy.HedgePercentile > 0 && _durations.Percentile(policy.HedgePercentile) is { } perGiB ? perGiB * sizeGiB : null;

    public bool IsAnswerLost() => random.NextBool(failures.UnknownOutcomeRate);

    public void ObserveSuccess(Replica winner, double sizeGiB)
    {
        _durations.Add(winner.DurationSec / sizeGiB);
        Observe(winner.Host, succeeded: true, winner.DurationSec / sizeGiB);
    }

    public void ObserveFailure(int host) => Observe(host, succeeded: false, 0);

    public void ObserveAbandoned(Replica loser, double sizeGiB)
    {
        if (loser.IsSlow)
        {
            _durations.AddUnfinished();
        }

        // What the controller can know: how long such operations take in the mean.
        var mean = (_fleet.MeanDuration?.TotalSeconds ?? model.SecPerGiB) * sizeGiB;
        var progress = Math.Min(1, (queue.NowSec - loser.BegunSec) / mean);
        _hosts[loser.Host] = _hosts[loser.Host].ObserveAbandoned(progress, Now, _prior);
        _fleet = _fleet.ObserveAbandoned(progress, Now, _prior);
    }

    /// <summary>What the network carried for a replica that began and did not win.</summary>
    public double NetworkGiBOf(Replica loser, double sizeGiB) =>
        sizeGiB * model.NetworkGiBPerGiB * Math.Min(1, (queue.NowSec - loser.BegunSec) / loser.DurationSec);

    /// <summary>An operation is over.</summary>
    public void CountSettled(bool succeeded, int attempts, double lostNetworkGiB, double sizeGiB)
    {
        var useful = succeeded ? sizeGiB * model.NetworkGiBPerGiB : 0;
        Succeeded += succeeded ? 1 : 0;
        GivenUp += succeeded ? 0 : 1;
        Attempts += attempts;
        NetworkGiB += lostNetworkGiB + useful;
        UsefulNetworkGiB += useful;
    }

    public void CountDoubled() => DoubledVMs++;

    private void Observe(int host, bool succeeded, double secPerGiB)
    {
        var duration = TimeSpan.FromSeconds(secPerGiB);
        _hosts[host] = _hosts[host].Observe(succeeded, duration, Now, _prior);
        _fleet = _fleet.Observe(succeeded, duration, Now, _prior);
    }
}
