using Kumoi.FaultTolerance.Pairs;

namespace Kumoi.Agents;

/// <summary>The pairs that the agent keeps, as a session sees and changes them.</summary>
/// <param name="agent">The way to it.</param>
public sealed class PersistentPairs(AgentClient agent)
{
    /// <summary>A first checkpoint has the whole memory; a guest's host may have to be fenced.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    /// <summary>All that it keeps, and those that were lost. It is not started; null: it does not run.</summary>
    /// <exception cref="AgentException">It runs and does not tell.</exception>
    public async Task<IReadOnlyList<KumoiFtPair>?> ListAsync(CancellationToken cancellationToken)
    {
        if (!agent.MayHaveWork)
        {
            return null;
        }

        try
        {
            return await agent.GetAsync(
                "pairs", AgentJson.Default.IReadOnlyListKumoiFtPair, AgentClient.AnswerPatience, cancellationToken);
        }
        catch (AgentException e) when (e.Error is AgentError.NotRunning)
        {
            return null;
        }
    }

    /// <summary>Protects a VM, by the agent, which is started if it does not run. When this is cancelled, nothing is left.</summary>
    /// <exception cref="AgentException">It is not protected; or, if the agent broke off, may be.</exception>
    public Task<KumoiFtPair> StartAsync(PairStart start, CancellationToken cancellationToken) => agent.HaveAsync(
        () => agent.PostAsync("pairs", start, AgentJson.Default.PairStart, AgentJson.Default.KumoiFtPair, Patience, cancellationToken),
        cancellationToken);

    /// <summary>Ends the protection. The agent is started if it does not run: somebody must let out what is held.</summary>
    /// <exception cref="AgentException">It may not have ended.</exception>
    public Task<KumoiFtPair> StopAsync(Guid vm, CancellationToken cancellationToken) => AskAsync("stop", vm, cancellationToken);

    /// <summary>Lets the backup take over.</summary>
    /// <exception cref="AgentException">It may not have.</exception>
    public Task<KumoiFtPair> SwitchAsync(Guid vm, CancellationToken cancellationToken) => AskAsync("switch", vm, cancellationToken);

    /// <summary>Tries out what the backup would do.</summary>
    /// <exception cref="AgentException">It could not, or nobody knows.</exception>
    public Task<KumoiFtDrill> DrillAsync(Guid vm, CancellationToken cancellationToken) => agent.HaveAsync(
        () => agent.PostAsync($"pairs/drill?vm={vm:D}", AgentJson.Default.KumoiFtDrill, Patience, cancellationToken), cancellationToken);

    private Task<KumoiFtPair> AskAsync(string what, Guid vm, CancellationToken cancellationToken) => agent.HaveAsync(
        () => agent.PostAsync($"pairs/{what}?vm={vm:D}", AgentJson.Default.KumoiFtPair, Patience, cancellationToken), cancellationToken);
}
