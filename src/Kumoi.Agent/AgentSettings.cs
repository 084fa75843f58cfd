using Kumoi.Agent.Http;
using Kumoi.Agent.Process;
using Kumoi.Agents;
using Kumoi.Hypervisors;

namespace Kumoi.Agent;

/// <summary>Of one agent.</summary>
/// <param name="Folder">Its folder, whose lock it has.</param>
/// <param name="JournalFolder">The folder of its journal.</param>
internal sealed record AgentSettings(AgentFolder Folder, string JournalFolder)
{
    /// <summary>It ends when it had nothing to do for so long; zero: never.</summary>
    public TimeSpan IdleLimit { get; init; } = Arguments.DefaultIdleLimit;

    public required IReadOnlyList<IHypervisorDriver> Drivers { get; init; }

    public TimeProvider Time { get; init; } = TimeProvider.System;

    public string Version { get; init; } = AgentVersion.Own;

    public RequestLimits Limits { get; init; } = new();
}
