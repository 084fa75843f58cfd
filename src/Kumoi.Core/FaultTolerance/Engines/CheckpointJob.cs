using Kumoi.FaultTolerance.Gates;
using Kumoi.FaultTolerance.Protocols;
using Kumoi.Hypervisors;

namespace Kumoi.FaultTolerance.Engines;

/// <summary>What a checkpoint is made of.</summary>
/// <param name="Number">Its number.</param>
/// <param name="Committed">The last one that counts, which must stay as it is; null: there is none.</param>
/// <param name="Primary">Where the VM runs.</param>
/// <param name="Standby">Which standby the VM is there; null: itself.</param>
/// <param name="Backup">The host that takes over; null: it is chosen when it is needed.</param>
/// <param name="Console">Has what the VM puts out at its console. It may hold nothing before the first checkpoint's cut.</param>
/// <param name="Network">Has what it sends. It may have to be closed before the cut.</param>
internal sealed record CheckpointJob(
    int Number, CheckpointMark? Committed, IHypervisorLink Primary, int? Standby, IHypervisorLink? Backup, ConsoleGate Console,
    NetworkGate Network);
