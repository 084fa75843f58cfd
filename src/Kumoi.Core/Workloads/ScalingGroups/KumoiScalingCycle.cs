namespace Kumoi;

/// <summary>One look at a group of VMs that is scaled, and what was done.</summary>
public sealed record KumoiScalingCycle
{
    public required string Group { get; init; }

    public required DateTimeOffset At { get; init; }

    /// <summary>The VMs of the group, those on hosts that could not be read included.</summary>
    public required int VMCount { get; init; }

    /// <summary>Of these, how many are on hosts that could not be read.</summary>
    public required int UnreadableCount { get; init; }

    /// <summary>The mean load of those that could be read, 0..1; NaN where none could.</summary>
    public required double CpuRatio { get; init; }

    /// <summary>How many cycles in a row were above the upper limit, or, negative, below the lower one.</summary>
    public required int Breach { get; init; }

    /// <summary>What is to be done, or was; null: nothing.</summary>
    public KumoiPlanStep? Step { get; init; }

    public override string ToString() => $"{Group}: {VMCount} VMs{(Step is null ? "" : $", {Step}")}";
}
