using Kumoi.FaultTolerance.Gates;
using Kumoi.Hypervisors;

namespace Kumoi.FaultTolerance.Engines;

/// <summary>What a checkpoint is made of.</summary>
/// <param name="Number">Its number.</param>
/// <param name="Primary">Where the VM runs.</param>
/// <param name="Standby">Which standby the VM is there; null: itself.</param>
/// <param name="Backup">The host that takes over; null: it is chosen when it is needed.</param>
/// <param name="Console">Has what the VM puts out at its console.</param>
/// <param name="Network">Has what it sends.</param>
internal sealed record CheckpointJob(
    int Number, IHypervisorLink Primary, int? Standby, IHypervisorLink? Backup, ConsoleGate Console, NetworkGate Network)
{
    /// <summary>How long the guest stood still: its engine notes it.</summary>
    public TimeSpan Pause { get; set; }

    /// <summary>How much went to the backup: its engine notes it.</summary>
    public long Bytes { get; set; }
}

