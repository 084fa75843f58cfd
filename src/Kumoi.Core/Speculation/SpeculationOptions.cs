using Kumoi.Hypervisors;
using Kumoi.Speculation.Reliability;

namespace Kumoi.Speculation;

/// <summary>The policy of an operation on several targets; the mechanism knows no other.</summary>
public sealed record SpeculationOptions
{
    /// <summary>
    /// How many targets are tried at once, or that they are tried one after the other. Those it does not take are the reserve.
    /// </summary>
    public ReplicationPolicy Policy { get; init; } = new ReplicationPolicy.AtOnce(2);

    /// <summary>Short for a policy with this many replicas at once.</summary>
    public int Replicas
    {
        get => Policy.MaxReplicas;
        init => Policy = new ReplicationPolicy.AtOnce(value);
    }

    /// <summary>
    /// One target at a time, each for so long; the next is tried when one takes longer. The last may take as long as the budget allows.
    /// Null: the policy's percentile decides, if it has one.
    /// </summary>
    public TimeSpan? HedgeDelay { get; init; }

    /// <summary>
    /// For VMs whose disks no lock guards: the winner is let run only when the source has given the VM up for certain. It costs a call to
    /// each more while the VM is paused.
    /// </summary>
    public bool IsStrict { get; init; }

    /// <summary>What is known of the targets; without it they are all held to be alike.</summary>
    public HostReliability Reliability { get; init; } = HostReliability.WithoutHistory;

    public ReplicaBudget Budget { get; init; } = new();

    public MigrationOptions Migration { get; init; } = new();
}
