using Kumoi.Speculation.Reliability;

namespace Kumoi.PolicySimulation;

/// <summary>One run of a workload on a simulated fleet. The same settings give the same figures.</summary>
internal sealed record SimulationSettings
{
    public required PolicyWorkload Workload { get; init; }

    public required ReplicationPolicy Policy { get; init; }

    public FailureModel Failures { get; init; } = new();

    public int HostCount { get; init; } = 1024;

    public int HostsPerRack { get; init; } = 32;

    /// <summary>VMs for each host, in the mean. It has room for half as many more.</summary>
    public int VMsPerHost { get; init; } = 8;

    /// <summary>The simulated time; a rolling upgrade ends earlier if it can.</summary>
    public double DurationSec { get; init; } = 86400;

    public long Seed { get; init; }

    /// <summary>Null: the workload's own operation.</summary>
    public OperationModel? Operation { get; init; }
}
