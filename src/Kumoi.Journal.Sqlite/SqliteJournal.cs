using System.Globalization;
using System.Runtime.CompilerServices;
using Microsoft.Data.Sqlite;

namespace Kumoi.Journal.Sqlite;

/// <summary>
/// The journal as a SQLite file in WAL mode. Making this object opens nothing: the file is opened by the first append or read, and made by
/// the first append.
/// </summary>
public sealed class SqliteJournal : IJournal
{
    /// <summary>How soon a watch sees what another process has appended.</summary>
    private static readonly TimeSpan WatchPause = TimeSpan.FromMilliseconds(200);

    private static readonly Condition[] None = [];

    private readonly TimeProvider _time;
    private readonly JournalFile _file;
    private readonly JournalWriter _writer;
    private readonly JournalReader<KumoiOperation> _operations;
    private readonly JournalReader<KumoiEvent> _events;
    private TaskCompletionSource _committed = NewSignal();

    public SqliteJournal(string folder, TimeProvider time)
    {
        _time = time;
        _file = new JournalFile(folder);
        _writer = new JournalWriter(_file, () => Interlocked.Exchange(ref _committed, NewSignal()).TrySetResult());
        _operations = new JournalReader<KumoiOperation>(
            _file, "operations", JournalFile.OperationColumnsOf, Rows.ToOperation, operation => operation.Sequence);
        _events = new JournalReader<KumoiEvent>(_file, "events", _ => Rows.EventColumns, Rows.ToEvent, happened => happened.Sequence);
    }

    public string Location => _file.Path;

    /// <summary>How many transactions this object has committed.</summary>
    internal long Commits => _writer.Commits;

    public Task<long> BeginAsync(OperationIntent intent, CancellationToken cancellationToken) =>
        _writer.AppendAsync(connection => connection.Insert(intent), cancellationToken);

    public Task EndAsync(long sequence, Guid id, OperationOutcome outcome, CancellationToken cancellationToken) =>
        _writer.AppendAsync(connection => connection.Update(sequence, id, outcome), cancellationToken);

    public Task<long> AppendAsync(KumoiEvent happened, CancellationToken cancellationToken) =>
        _writer.AppendAsync(connection => connection.Insert(happened), cancellationToken);

    public async Task<long?> TryAppendAsync(KumoiEvent happened, long readTo, CancellationToken cancellationToken) =>
        await _writer.AppendAsync(connection => connection.InsertAfter(happened, readTo), cancellationToken) is > 0 and var sequence
            ? sequence
            : null;

    public IAsyncEnumerable<KumoiOperation> ReadOperationsAsync(OperationQuery query, CancellationToken cancellationToken) =>
        _operations.ReadAsync(ConditionsOf(query), query.NewestFirst, cancellationToken);

    internal static IReadOnlyList<Condition> ConditionsOf(OperationQuery query) =>
    [
        .. query.Ids.Count > 0 ? [Condition.AnyOf("id", query.Ids, static id => id.ToString("D"))] : None,
        .. query.States.Count > 0 ? [Condition.OfState(query.States)] : None,
        .. query.After is { } after ? [new Condition("started_at >= @after", ("@after", Rows.ToText(after)))] : None,
        .. query.OfNewest is { } newest
            ? [new Condition(string.Create(CultureInfo.InvariantCulture, $"sequence > (SELECT max(sequence) FROM operations) - {newest}"))]
            : None,
    ];

    public IAsyncEnumerable<KumoiEvent> ReadEventsAsync(EventQuery query, CancellationToken cancellationToken)
    {
        IReadOnlyList<Condition> conditions =
        [
            .. query.Kinds.Count > 0 ? [Condition.AnyOf("kind", query.Kinds, static kind => kind.ToString())] : None,
            .. query.OperationId is { } operation
                ? [new Condition("operation_id = @operation", ("@operation", operation.ToString("D")))] : None,
            .. query.AfterSequence is { } sequence
                ? [new Condition("sequence > CAST(@sequence AS INTEGER)", ("@sequence", sequence.ToString(CultureInfo.InvariantCulture)))]
                : None,
            .. query.After is { } after ? [new Condition("at >= @after", ("@after", Rows.ToText(after)))] : None,
            .. query.Before is { } before ? [new Condition("at < @before", ("@before", Rows.ToText(before)))] : None,
        ];
        return _events.ReadAsync(conditions, query.NewestFirst, cancellationToken);
    }

    public async IAsyncEnumerable<KumoiEvent> WatchEventsAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        SqliteConnection? connection = null;
        try
        {
            connection = await Task.Run(_events.Open, cancellationToken);
            var last = connection is null ? 0 : _events.Newest(connection);
            while (true)
            {
                // Before the look: what is committed after it wakes the wait.
                var committed = Volatile.Read(ref _committed).Task;
                connection ??= await Task.Run(_events.Open, cancellationToken);
                IReadOnlyList<KumoiEvent> page = [];
                if (connection is { } open)
                {
                    page = await Task.Run(() => _events.Page(open, [], newestFirst: false, last), cancellationToken);
                    foreach (var happened in page)
                    {
                        last = happened.Sequence;
                        yield return happened;
                    }
                }

                if (page.Count < JournalReader<KumoiEvent>.PageSize)
                {
                    await WaitAsync(committed, cancellationToken);
                }
            }
        }
        finally
        {
            connection?.Dispose();
        }
    }

    public async ValueTask DisposeAsync() => await _writer.CloseAsync();

    private async Task WaitAsync(Task committed, CancellationToken cancellationToken)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        await Task.WhenAny(committed, Task.Delay(WatchPause, _time, over.Token));
        await over.CancelAsync();
        cancellationToken.ThrowIfCancellationRequested();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
