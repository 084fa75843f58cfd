namespace Kumoi;

/// <summary>How reliably, and how fast, a host did one kind of operation, by the journal.</summary>
public sealed record KumoiHostReliability
{
    /// <summary>The host's name in the sessions that worked with it.</summary>
    public required string VMHost { get; init; }

    public required ReliabilityKind Kind { get; init; }

    /// <summary>The host is not real.</summary>
    public required bool IsSimulated { get; init; }

    /// <summary>Operations that say something about the host.</summary>
    public required int Attempts { get; init; }

    /// <summary>Those among them that failed, and not for the VM's sake.</summary>
    public required int Failures { get; init; }

    /// <summary>The expected probability of success, 0..1: newer operations weigh more.</summary>
    public required double Success { get; init; }

    /// <summary>The probability of success is above this with a confidence of 95 %.</summary>
    public required double SuccessLowerBound { get; init; }

    /// <summary>The mean duration of a success; null before the first.</summary>
    public required double? MeanDurationSec { get; init; }

    public required double? MedianDurationSec { get; init; }

    /// <summary>19 of 20 took no longer.</summary>
    public required double? P95DurationSec { get; init; }

    /// <summary>When the last of them ended.</summary>
    public required DateTimeOffset LastAt { get; init; }
}
