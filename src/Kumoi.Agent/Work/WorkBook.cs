using Kumoi.Agents;
using Kumoi.Journal;

namespace Kumoi.Agent.Work;

/// <summary>What this agent was given, as the journal has it. Safe for concurrent use.</summary>
internal sealed class WorkBook(IJournal journal, TimeProvider time) : IDisposable
{
    private readonly SemaphoreSlim _turn = new(1);
    private readonly AgentWorkLog _log = new(journal, time);
    private IReadOnlyList<AgentWorkItem> _items = [];

    /// <summary>All that was given and not taken away.</summary>
    public IReadOnlyList<AgentWorkItem> Items => Volatile.Read(ref _items);

    /// <summary>Something is to be done.</summary>
    public bool HasWork => Items.Any(item => item.Error is null);

    public AgentWorkItem? Find(AgentWorkKind kind, string name) =>
        Items.FirstOrDefault(item => item.Kind == kind && item.Name == name);

    /// <inheritdoc cref="AgentWorkLog.BeginAsync"/>
    public Task BeginAsync(CancellationToken cancellationToken) => TurnAsync(
        async () =>
        {
            await _log.BeginAsync(cancellationToken);
            return true;
        },
        cancellationToken);

    /// <inheritdoc cref="AgentWorkLog.TryGiveAsync"/>
    public Task<bool> TryGiveAsync(AgentWorkKind kind, string name, string order, CancellationToken cancellationToken) =>
        TurnAsync(() => _log.TryGiveAsync(kind, name, order, cancellationToken), cancellationToken);

    /// <summary>Takes it away. False: it is not there.</summary>
    public Task<bool> TryTakeAsync(AgentWorkKind kind, string name, CancellationToken cancellationToken) =>
        TurnAsync(() => _log.TryTakeAsync(kind, name, () => true, cancellationToken), cancellationToken);

    /// <inheritdoc cref="AgentWorkLog.FailAsync"/>
    public Task FailAsync(AgentWorkKind kind, string name, string error) => TurnAsync(
        async () =>
        {
            await _log.FailAsync(kind, name, error, CancellationToken.None);
            return true;
        },
        CancellationToken.None);

    public void Dispose() => _turn.Dispose();

    private async Task<T> TurnAsync<T>(Func<Task<T>> act, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            return await act();
        }
        finally
        {
            Volatile.Write(ref _items, _log.Items);
            _turn.Release();
        }
    }
}
