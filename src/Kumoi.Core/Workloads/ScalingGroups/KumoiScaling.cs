namespace Kumoi;

/// <summary>A group of VMs that is scaled in the background, as it was when it was asked for.</summary>
public sealed record KumoiScaling
{
    public required string Group { get; init; }

    /// <summary>The VM that its VMs are clones of.</summary>
    public required string Master { get; init; }

    public required ScalingState State { get; init; }

    public required int Minimum { get; init; }

    public required int Maximum { get; init; }

    public required DateTimeOffset StartedAt { get; init; }

    /// <summary>How many times the group was looked at.</summary>
    public required int CycleCount { get; init; }

    /// <summary>The last look; null before the first.</summary>
    public KumoiScalingCycle? LastCycle { get; init; }

    /// <summary>The last look that changed the group, or tried to; null: none has yet.</summary>
    public KumoiScalingCycle? LastChange { get; init; }

    /// <summary>How many failures were masked.</summary>
    public int MaskedCount { get; init; }

    /// <summary>The agent does it: it goes on when the session ends.</summary>
    public bool IsPersistent { get; init; }

    /// <summary>Why it failed, or what it waits for; null unless <see cref="State"/> is Failed or Waiting.</summary>
    public string? Error { get; init; }

    public override string ToString() => $"{Group}: {State}";
}
