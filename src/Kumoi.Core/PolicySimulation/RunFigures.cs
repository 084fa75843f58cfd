namespace Kumoi.PolicySimulation;

/// <summary>What one run of a workload came to.</summary>
internal sealed record RunFigures
{
    /// <summary>Events that happened.</summary>
    public required long Events { get; init; }

    /// <summary>Logical operations that succeeded, however often they were tried.</summary>
    public required long Succeeded { get; init; }

    /// <summary>Logical operations that were given up.</summary>
    public required long Failed { get; init; }

    /// <summary>Replicas that were begun for these.</summary>
    public required long Attempts { get; init; }

    /// <summary>What the network carried.</summary>
    public required double NetworkGiB { get; init; }

    /// <summary>What it carried to winners.</summary>
    public required double UsefulNetworkGiB { get; init; }

    /// <summary>The workload's own: see <see cref="PolicyWorkload"/>.</summary>
    public required double TimeSec { get; init; }

    /// <summary>VMs of which a second copy was started. Must be 0.</summary>
    public required long DoubledVMs { get; init; }

    public double SuccessRatio => (double)Succeeded / (Succeeded + Failed);

    public double AttemptsPerSuccess => (double)Attempts / Succeeded;

    public double ExcessGiBPerSuccess => (NetworkGiB - UsefulNetworkGiB) / Succeeded;

    public double ExcessNetworkRatio => UsefulNetworkGiB > 0 ? (NetworkGiB - UsefulNetworkGiB) / UsefulNetworkGiB : 0;
}
