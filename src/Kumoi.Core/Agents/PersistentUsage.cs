namespace Kumoi.Agents;

/// <summary>The accounting that the agent does, as a session begins and ends it.</summary>
/// <param name="agent">The way to it.</param>
/// <param name="work">Its work.</param>
public sealed class PersistentUsage(AgentClient agent, PersistentWork work)
{
    private const string Name = "usage";

    /// <summary>Has the agent account, which is started if it does not run.</summary>
    /// <exception cref="AgentException">It does already; or it was not given, or, if the agent broke off, may have been.</exception>
    public Task<AgentStatus> StartAsync(UsageOrder order, CancellationToken cancellationToken) => agent.HaveAsync(
        () => agent.PostAsync(
            Name, order, AgentJson.Default.UsageOrder, AgentJson.Default.AgentStatus, AgentClient.AnswerPatience, cancellationToken),
        cancellationToken);

    /// <summary>Ends it. What was accounted stays in the journal. False: the agent does not account.</summary>
    /// <exception cref="AgentException">It may go on.</exception>
    /// <exception cref="Journal.JournalException">It goes on.</exception>
    public async Task<bool> StopAsync(CancellationToken cancellationToken)
    {
        var isStopped = false;
        var taken = await work.StopAsync(AgentWorkKind.Usage, Name, "the accounting", StopByAgentAsync, cancellationToken);
        return isStopped || taken is not null;

        async Task StopByAgentAsync()
        {
            await agent.PostAsync(Name + "/stop", AgentJson.Default.AgentStatus, AgentClient.AnswerPatience, cancellationToken);
            isStopped = true;
        }
    }
}
