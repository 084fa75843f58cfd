using Kumoi.Journal;

namespace Kumoi.Agents;

/// <summary>The groups that the agent scales, as a session sees and changes them.</summary>
/// <param name="agent">The way to it.</param>
/// <param name="work">Its work.</param>
public sealed class PersistentScaling(AgentClient agent, PersistentWork work)
{
    /// <summary>A change that is under way may wait for a guest to shut down.</summary>
    private static readonly TimeSpan StopPatience = TimeSpan.FromMinutes(20);

    /// <summary>All of them, in the order in which they were given. The agent is not started.</summary>
    /// <exception cref="AgentException">The agent runs and does not tell.</exception>
    /// <exception cref="JournalException">The agent does not run, and the journal does not tell.</exception>
    public async Task<IReadOnlyList<KumoiScaling>> ListAsync(CancellationToken cancellationToken)
    {
        if (!agent.MayHaveWork)
        {
            return [];
        }

        try
        {
            return await agent.GetAsync(
                "scaling", AgentJson.Default.IReadOnlyListKumoiScaling, AgentClient.AnswerPatience, cancellationToken);
        }
        catch (AgentException e) when (e.Error is AgentError.NotRunning)
        {
            var items = await work.ReadAsync(cancellationToken);
            return
            [
                .. items.Where(item => item.Kind is AgentWorkKind.Scaling).Select(WaitingWork.Describe).OfType<KumoiScaling>(),
            ];
        }
    }

    /// <summary>Gives a group to the agent, which is started if it does not run.</summary>
    /// <exception cref="AgentException">It was not given, or, if the agent broke off, may have been.</exception>
    public Task<KumoiScaling> StartAsync(ScalingOrder order, CancellationToken cancellationToken) => agent.HaveAsync(
        () => agent.PostAsync(
            "scaling", order, AgentJson.Default.ScalingOrder, AgentJson.Default.KumoiScaling, AgentClient.AnswerPatience, cancellationToken),
        cancellationToken);

    /// <summary>
    /// Takes a group away from the agent. A change under way takes effect or leaves nothing behind before this returns. An agent that does
    /// not run is not started for that: it would begin with the group.
    /// </summary>
    /// <returns>As it was last; null: the agent does not have it.</returns>
    /// <exception cref="AgentException">It may be scaled still.</exception>
    /// <exception cref="JournalException">It was not taken.</exception>
    public async Task<KumoiScaling?> StopAsync(string group, CancellationToken cancellationToken)
    {
        KumoiScaling? told = null;
        var taken = await work.StopAsync(AgentWorkKind.Scaling, group, $"'{group}'", StopByAgentAsync, cancellationToken);
        var was = taken is null ? null : WaitingWork.Describe(taken);
        return told ?? (was is null ? null : was with { State = ScalingState.Stopped, Error = null });

        async Task StopByAgentAsync() => told = await agent.PostAsync(
            $"scaling/stop?group={Uri.EscapeDataString(group)}", AgentJson.Default.KumoiScaling, StopPatience, cancellationToken);
    }
}
