namespace Kumoi.PolicySimulation;

/// <summary>
/// What goes wrong in a simulated fleet. Ratios are 0 to 1. A failed host takes no VM; those that run on it run on, and can leave it.
/// </summary>
public sealed record FailureModel
{
    /// <summary>The share of the hosts that is failed at any time.</summary>
    public double FailureRate { get; init; }

    /// <summary>How long a host is failed: uniform from here …</summary>
    public double MinFailureSec { get; init; } = 600;

    /// <summary>… to here. Lost links last as long.</summary>
    public double MaxFailureSec { get; init; } = 3600;

    /// <summary>The share of the failures that hit a whole rack.</summary>
    public double RackFailureRatio { get; init; }

    /// <summary>The probability that an operation fails on a host that has not.</summary>
    public double OperationFailureRate { get; init; }

    /// <summary>The share of the hosts on which operations take <see cref="SlowFactor"/> times as long.</summary>
    public double SlowHostRatio { get; init; }

    public double SlowFactor { get; init; } = 5;

    /// <summary>The share of the hosts that the controller cannot reach at any time. Their VMs run on.</summary>
    public double LostLinkRatio { get; init; }

    /// <summary>The probability that an operation that took effect is reported as failed.</summary>
    public double UnknownOutcomeRate { get; init; }

    /// <summary>How long it takes to find out by reading what became of an operation, once the host can be reached.</summary>
    public double ReadSec { get; init; } = 15;
}
