using Kumoi.FaultTolerance.Gates;
using Kumoi.Hypervisors;

namespace Kumoi.FaultTolerance.Engines;

/// <summary>A standby that this controller has made.</summary>
/// <param name="Number">Which it is.</param>
/// <param name="Id">Its domain.</param>
/// <param name="Attempt">Which attempt at a checkpoint it is for.</param>
/// <param name="Host">Where it is.</param>
/// <param name="Console">What its console is connected to.</param>
/// <param name="Address">Where it takes the VM's state.</param>
internal sealed record Standby(int Number, Guid Id, string Attempt, IHypervisorLink Host, ConsoleGate Console, string Address);
