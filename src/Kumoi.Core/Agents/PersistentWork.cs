using Kumoi.Journal;

namespace Kumoi.Agents;

/// <summary>The agent's work as the journal has it, and how it is taken away: by the agent where it runs, and else by the journal.</summary>
/// <param name="journal">Its journal.</param>
public sealed class PersistentWork(Func<IJournal> journal)
{
    private static readonly TimeSpan StartingPatience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    /// <summary>What the journal has of it.</summary>
    /// <exception cref="JournalException">The journal cannot be read.</exception>
    public async Task<IReadOnlyList<AgentWorkItem>> ReadAsync(CancellationToken cancellationToken)
    {
        var log = new AgentWorkLog(journal(), TimeProvider.System);
        await log.ReadAsync(cancellationToken);
        return log.Items;
    }

    /// <summary>
    /// Takes something away from the agent. An agent that does not run is not started for that: it would begin with it.
    /// </summary>
    /// <param name="kind">What it is.</param>
    /// <param name="name">What tells it from others of its kind.</param>
    /// <param name="shown">As an admin calls it.</param>
    /// <param name="byAgent">Has the running agent end it.</param>
    /// <param name="cancellationToken">It may not have been taken.</param>
    /// <returns>What was taken by the journal; null: the agent has ended it, or there is nothing to take.</returns>
    /// <exception cref="AgentException">It may go on.</exception>
    /// <exception cref="JournalException">It was not taken.</exception>
    public async Task<AgentWorkItem?> StopAsync(
        AgentWorkKind kind, string name, string shown, Func<Task> byAgent, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(StartingPatience);
        while (true)
        {
            try
            {
                await byAgent();
                return null;
            }
            catch (AgentException e) when (e.Error is AgentError.NotFound)
            {
                return null;
            }
            catch (AgentException e) when (e.Error is AgentError.NotRunning)
            {
                // By the journal, then.
            }

            var log = new AgentWorkLog(journal(), TimeProvider.System);
            await log.ReadAsync(cancellationToken);
            var item = log.Find(kind, name);
            if (item is null || await log.TryTakeAsync(kind, name, () => log.Agent is null or { IsAlive: false }, cancellationToken))
            {
                return item;
            }

            if (log.Agent is { IsAlive: null } elsewhere)
            {
                throw new AgentException(
                    $"The agent that has {shown} may be running on {elsewhere.Machine}, which cannot be seen from here.",
                    AgentError.NotResponding, "Stop it there; or, if nothing runs there any more, start the agent here and stop it then.");
            }

            try
            {
                // It is just starting.
                await Task.Delay(Pause, patience.Token);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                throw new AgentException(
                    $"The agent (process {log.Agent?.ProcessId}) has {shown}, and does not answer.", AgentError.NotResponding,
                    "See Get-KumoiAgent, and its log.");
            }
        }
    }
}
