using Kumoi.Hypervisors;

namespace Kumoi.Speculation;

/// <summary>The policy of a migration to several targets; the mechanism knows no other.</summary>
public sealed record SpeculationOptions
{
    /// <summary>How many targets are tried at once, 1 or more. The others are the reserve.</summary>
    public int Replicas { get; init; } = 2;

    /// <summary>
    /// Null: all replicas at once. Else one target at a time, each for so long; the next is tried when one takes longer. The last may take
    /// as long as the budget allows.
    /// </summary>
    public TimeSpan? HedgeDelay { get; init; }

    /// <summary>
    /// For VMs whose disks no lock guards: the winner is let run only when the source has given the VM up for certain. It costs a call to each
    /// more while the VM is paused.
    /// </summary>
    public bool IsStrict { get; init; }

    public ReplicaBudget Budget { get; init; } = new();

    public MigrationOptions Migration { get; init; } = new();
}
