using Kumoi.Journal;

namespace Kumoi.Tests.Speculation;

/// <summary>The journal in the hands of a <see cref="Controller"/>: each record is a moment at which it can die.</summary>
internal sealed class ControlledJournal(IJournal inner, Controller controller) : IJournal
{
    public string Location => inner.Location;

    public Task<long> BeginAsync(OperationIntent intent, CancellationToken cancellationToken) =>
        controller.CallAsync("journal", "plan", () => inner.BeginAsync(intent, cancellationToken));

    public Task EndAsync(long sequence, Guid id, OperationOutcome outcome, CancellationToken cancellationToken) =>
        controller.CallAsync("journal", "end", () => inner.EndAsync(sequence, id, outcome, cancellationToken));

    public Task<long> AppendAsync(KumoiEvent happened, CancellationToken cancellationToken) =>
        controller.CallAsync("journal", "append", () => inner.AppendAsync(happened, cancellationToken));

    public Task<long?> TryAppendAsync(KumoiEvent happened, long readTo, CancellationToken cancellationToken) =>
        controller.CallAsync("journal", "append", () => inner.TryAppendAsync(happened, readTo, cancellationToken));

    public IAsyncEnumerable<KumoiOperation> ReadOperationsAsync(OperationQuery query, CancellationToken cancellationToken) =>
        inner.ReadOperationsAsync(query, cancellationToken);

    public IAsyncEnumerable<KumoiEvent> ReadEventsAsync(EventQuery query, CancellationToken cancellationToken) =>
        inner.ReadEventsAsync(query, cancellationToken);

    public IAsyncEnumerable<KumoiEvent> WatchEventsAsync(CancellationToken cancellationToken) => inner.WatchEventsAsync(cancellationToken);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
