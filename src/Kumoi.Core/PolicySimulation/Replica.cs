namespace Kumoi.PolicySimulation;

/// <summary>One replica of an operation, on one target.</summary>
internal struct Replica
{
    public required int Host { get; init; }

    public required double BegunSec { get; init; }

    /// <summary>What it takes, or would have taken had it not failed.</summary>
    public required double DurationSec { get; init; }

    /// <summary>It fails by itself.</summary>
    public required bool Fails { get; init; }

    /// <summary>The host's at the beginning: if another comes with the end, the host failed, or was out of reach, in between.</summary>
    public required int FailureNumber { get; init; }

    public required int LinkNumber { get; init; }

    public bool IsUnderWay { get; set; }

    /// <summary>It has taken longer than the policy's percentile.</summary>
    public bool IsSlow { get; set; }
}
