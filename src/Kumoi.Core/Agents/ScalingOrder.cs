using Kumoi.FailureOblivious;
using Kumoi.Workloads;
using Kumoi.Workloads.Placing;
using Kumoi.Workloads.ScalingGroups;

namespace Kumoi.Agents;

/// <summary>A group that the agent is to scale: all that it needs to know, in the journal until somebody takes it away.</summary>
public sealed record ScalingOrder
{
    public required string Group { get; init; }

    public required Guid MasterId { get; init; }

    /// <summary>The master's name.</summary>
    public required string Master { get; init; }

    public required int Minimum { get; init; }

    public required int Maximum { get; init; }

    public required double LowerCpuRatio { get; init; }

    public required double UpperCpuRatio { get; init; }

    public required int BreachCount { get; init; }

    public required TimeSpan Interval { get; init; }

    public required TimeSpan StopPatience { get; init; }

    public required double MaxCpuRatio { get; init; }

    public required long MinFreeMemoryBytes { get; init; }

    public bool FailureOblivious { get; init; }

    public bool Substitute { get; init; }

    /// <summary>The host that has the master.</summary>
    public required HostOrder MasterHost { get; init; }

    /// <summary>The hosts that may run the group's VMs.</summary>
    public required IReadOnlyList<HostOrder> Hosts { get; init; }

    /// <summary>What a session would do.</summary>
    /// <exception cref="AgentException">The agent cannot have one of the hosts.</exception>
    public static ScalingOrder Of(ScalingOptions options, WorkloadOptions how, IEnumerable<KumoiConnection> hosts) => new()
    {
        Group = options.Group,
        MasterId = options.Master.Id,
        Master = options.Master.Name,
        Minimum = options.Minimum,
        Maximum = options.Maximum,
        LowerCpuRatio = options.LowerCpuRatio,
        UpperCpuRatio = options.UpperCpuRatio,
        BreachCount = options.BreachCount,
        Interval = options.Interval,
        StopPatience = options.StopPatience,
        MaxCpuRatio = options.Limits.MaxCpuRatio,
        MinFreeMemoryBytes = options.Limits.MinFreeMemoryBytes,
        FailureOblivious = how.Mask is not null,
        Substitute = how.Substitute,
        MasterHost = HostOrder.Of(options.Master.Connection),
        Hosts = [.. hosts.Select(HostOrder.Of)],
    };

    internal ScalingOptions ToOptions(KumoiVM master) => new()
    {
        Group = Group,
        Master = master,
        Minimum = Minimum,
        Maximum = Maximum,
        LowerCpuRatio = LowerCpuRatio,
        UpperCpuRatio = UpperCpuRatio,
        BreachCount = BreachCount,
        Interval = Interval,
        StopPatience = StopPatience,
        Limits = new PlacementLimits(MaxCpuRatio, MinFreeMemoryBytes),
    };

    internal WorkloadOptions ToWorkloadOptions() => new()
    {
        Mask = FailureOblivious ? MaskMode.Pessimistic : null,
        Substitute = Substitute,
    };
}
