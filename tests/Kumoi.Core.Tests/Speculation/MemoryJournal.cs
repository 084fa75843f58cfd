using System.Runtime.CompilerServices;
using Kumoi.Journal;

namespace Kumoi.Tests.Speculation;

/// <summary>A journal that outlives its controllers, as a file does.</summary>
internal sealed class MemoryJournal : IJournal
{
    private readonly Lock _gate = new();
    private readonly List<KumoiOperation> _operations = [];
    private readonly List<KumoiEvent> _events = [];

    public string Location => "memory";

    /// <summary>Is called whenever who reads events has dealt with one.</summary>
    public Action? EventRead { get; set; }

    public Task<long> BeginAsync(OperationIntent intent, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            _operations.Add(new KumoiOperation
            {
                Sequence = _operations.Count + 1,
                Id = intent.Id,
                Kind = intent.Kind,
                VMHost = intent.VMHost,
                IsSimulated = intent.IsSimulated,
                VMId = intent.VMId,
                VM = intent.VM,
                Target = intent.Target,
                StartedAt = intent.StartedAt,
                Details = intent.Details,
                Owner = intent.Owner,
            });
            return Task.FromResult((long)_operations.Count);
        }
    }

    public Task EndAsync(long sequence, Guid id, OperationOutcome outcome, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            _operations[(int)sequence - 1] = _operations[(int)sequence - 1] with
            {
                State = outcome.State,
                Error = outcome.Error,
                EndedAt = outcome.At,
                Details = outcome.Details ?? _operations[(int)sequence - 1].Details
            };
        }

        return Task.CompletedTask;
    }

    public Task<long> AppendAsync(KumoiEvent happened, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            _events.Add(happened with { Sequence = _events.Count + 1 });
            return Task.FromResult((long)_events.Count);
        }
    }

    public Task<long?> TryAppendAsync(KumoiEvent happened, long readTo, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (_events.Exists(other => other.Kind == happened.Kind && other.Sequence > readTo))
            {
                return Task.FromResult<long?>(null);
            }

            _events.Add(happened with { Sequence = _events.Count + 1 });
            return Task.FromResult<long?>(_events.Count);
        }
    }

    public async IAsyncEnumerable<KumoiOperation> ReadOperationsAsync(
        OperationQuery query, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        List<KumoiOperation> all;
        lock (_gate)
        {
            all = [.. _operations.TakeLast(query.OfNewest ?? int.MaxValue)];
        }

        if (query.NewestFirst)
        {
            all.Reverse();
        }

        foreach (var operation in all.Where(operation =>
            (query.States.Count == 0 || query.States.Contains(operation.State))
                && (query.After is not { } after || operation.StartedAt >= after)))
        {
            yield return operation;
        }

        await Task.CompletedTask;
    }

    public async IAsyncEnumerable<KumoiEvent> ReadEventsAsync(
        EventQuery query, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        List<KumoiEvent> all;
        lock (_gate)
        {
            all = [.. _events];
        }

        if (query.NewestFirst)
        {
            all.Reverse();
        }

        foreach (var happened in all.Where(happened =>
            (query.After is not { } after || happened.At >= after) && (query.Kinds.Count == 0 || query.Kinds.Contains(happened.Kind))
                && (query.OperationId is not { } id || happened.OperationId == id)
            && happened.Sequence > (query.AfterSequence ?? 0)))
        {
            yield return happened;
            EventRead?.Invoke();
        }

        await Task.CompletedTask;
    }

    public IAsyncEnumerable<KumoiEvent> WatchEventsAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
