using Kumoi.Speculation.Reliability;

namespace Kumoi;

/// <summary>
/// What a replication policy brought in a simulated workload, against naive retry with the same failures and the same load.
/// </summary>
public sealed record KumoiPolicyResult
{
    public required PolicyWorkload Workload { get; init; }

    /// <summary>The share of the hosts that was failed at any time, 0..1.</summary>
    public required double FailureRate { get; init; }

    public required ReplicationPolicy Policy { get; init; }

    /// <summary>How many replicas an operation has at most: a number, or <c>Auto</c>.</summary>
    public string Replicas =>
        Policy is ReplicationPolicy.Auto ? "Auto" : Policy.MaxReplicas.ToString(System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>The percentile of the observed durations after which a further replica begins; 0: all begin at once.</summary>
    public double HedgeDelay => Policy.HedgePercentile;

    /// <summary>The share of the logical operations that succeeded, 0..1.</summary>
    public required KumoiFigure SuccessRatio { get; init; }

    /// <summary>Replicas that were begun, for each success.</summary>
    public required KumoiFigure Attempts { get; init; }

    /// <summary>The same, relative to naive retry: 1 is as many.</summary>
    public required KumoiFigure AttemptRatio { get; init; }

    /// <summary>The time that the workload wants to be short: see <see cref="PolicyWorkload"/>.</summary>
    public required KumoiFigure TimeSec { get; init; }

    /// <summary>How much shorter that is than with naive retry, 0..1; negative if it is longer.</summary>
    public required KumoiFigure TimeImprovement { get; init; }

    /// <summary>What the network carried to others than winners, for each success. Power-ons carry nothing.</summary>
    public required KumoiFigure ExcessNetworkBytes { get; init; }

    /// <summary>The same, relative to what it carried to winners: 1 is as much again.</summary>
    public required KumoiFigure ExcessNetworkRatio { get; init; }

    /// <summary>
    /// VMs of which two copies ran, in all runs. An operation of unknown outcome is read before anything else is done: 0.
    /// </summary>
    public required long DoubledVMCount { get; init; }

    public required int HostCount { get; init; }

    /// <summary>The time that was simulated at most in each run.</summary>
    public required TimeSpan Duration { get; init; }

    public required int Runs { get; init; }

    public required long Seed { get; init; }

    /// <summary>Events that were simulated, in all runs.</summary>
    public required long EventCount { get; init; }
}
