namespace Kumoi.Agents;

/// <summary>How the agent is, as it says.</summary>
/// <param name="Version">As <see cref="AgentVersion.Own"/>. This and the process are in the answer of every version.</param>
/// <param name="ProcessId">Its process.</param>
/// <param name="StartedAt">When it was started.</param>
/// <param name="IdleLimitSec">It ends when it had nothing to do for so long; 0: never.</param>
/// <param name="IdleSec">For how long it has had nothing to do; null: it has work.</param>
/// <param name="MemoryBytes">Its resident memory.</param>
/// <param name="Pairs">The names of the VMs whose pairs it runs.</param>
/// <param name="ScalingGroups">The groups that it scales.</param>
/// <param name="IsAccounting">It accounts what VMs use.</param>
public sealed record AgentStatus(
    string Version, int ProcessId, DateTimeOffset StartedAt, double IdleLimitSec, double? IdleSec, long MemoryBytes,
    IReadOnlyList<string> Pairs, IReadOnlyList<string> ScalingGroups, bool IsAccounting);
