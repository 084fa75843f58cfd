using Kumoi.Workloads.Placing;

namespace Kumoi.Workloads.ScalingGroups;

/// <summary>How a group of VMs is scaled.</summary>
public sealed record ScalingOptions
{
    /// <summary>The group's name. Its VMs are named <c>&lt;group&gt;-1</c>, <c>&lt;group&gt;-2</c>, ….</summary>
    public required string Group { get; init; }

    /// <summary>The VM that the group's VMs are clones of. It is not one of them.</summary>
    public required KumoiVM Master { get; init; }

    public int Minimum { get; init; } = 1;

    public int Maximum { get; init; } = 4;

    /// <summary>A mean load below this, 0..1, counts towards a smaller group.</summary>
    public double LowerCpuRatio { get; init; } = 0.2;

    /// <summary>A mean load above this, 0..1, counts towards a larger group.</summary>
    public double UpperCpuRatio { get; init; } = 0.8;

    /// <summary>So many cycles in a row on the same side change the group by one VM.</summary>
    public int BreachCount { get; init; } = 3;

    /// <summary>From the end of one cycle to the next.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a guest that is to be removed may take to shut down; then it is turned off.</summary>
    public TimeSpan StopPatience { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>What must be left on a host that gets a clone.</summary>
    public PlacementLimits Limits { get; init; } = new(0.9, 0);
}
