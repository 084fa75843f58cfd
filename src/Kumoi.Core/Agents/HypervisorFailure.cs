using Kumoi.Hypervisors;

namespace Kumoi.Agents;

/// <summary>What callers decide by when a call on a host has failed, on its way from the agent.</summary>
public sealed record HypervisorFailure(FaultDomain FaultDomain, HypervisorError Error, bool IsTransient, bool OutcomeUnknown);
