namespace Kumoi.Journal;

/// <summary>
/// The durable record of operations under way and of events, shared by all processes of a user. What was appended is never changed but
/// by the outcome of its operation, and never removed. Failures are <see cref="JournalException"/>.
/// </summary>
/// <remarks>Small on purpose: it can be put on any store that has transactions and a growing number for each row.</remarks>
public interface IJournal : IAsyncDisposable
{
    /// <summary>Where it is, as the admin knows it: a file's path.</summary>
    string Location { get; }

    /// <summary>
    /// Appends the intent of an operation, which is pending from then on. When this returns it survives the death of the process and of
    /// the machine. If it is cancelled, nothing was appended. Returns its sequence number.
    /// </summary>
    Task<long> BeginAsync(OperationIntent intent, CancellationToken cancellationToken);

    /// <summary>Appends the outcome of an operation, as durable as its intent.</summary>
    /// <param name="sequence">Its sequence number in this journal.</param>
    /// <param name="id">Its id. In another journal the same number is another operation's, whose outcome this must not become.</param>
    /// <param name="outcome">What became of it.</param>
    /// <param name="cancellationToken">Nothing was appended.</param>
    /// <exception cref="JournalException">Also: this journal has no such operation.</exception>
    Task EndAsync(long sequence, Guid id, OperationOutcome outcome, CancellationToken cancellationToken);

    /// <summary>
    /// Appends an event, as durable as an intent. Returns its sequence number; the one in <paramref name="happened"/> does not matter.
    /// </summary>
    Task<long> AppendAsync(KumoiEvent happened, CancellationToken cancellationToken);

    /// <summary>
    /// Appends an event if nothing of its kind was appended after the event with this sequence number (0: nothing at all), in one step: who
    /// decides by what it has read can be sure that it was the last word. Null: there is something newer, and nothing was appended.
    /// </summary>
    Task<long?> TryAppendAsync(KumoiEvent happened, long readTo, CancellationToken cancellationToken);

    /// <summary>Operations in the order of their intents, or in the opposite one. A journal that is not there yet has none.</summary>
    IAsyncEnumerable<KumoiOperation> ReadOperationsAsync(OperationQuery query, CancellationToken cancellationToken);

    /// <summary>
    /// Events in the order in which they were appended, or in the opposite one. A journal that is not there yet has none.
    /// </summary>
    IAsyncEnumerable<KumoiEvent> ReadEventsAsync(EventQuery query, CancellationToken cancellationToken);

    /// <summary>Events that any process appends from now on (from the first step of the enumeration), until cancelled.</summary>
    IAsyncEnumerable<KumoiEvent> WatchEventsAsync(CancellationToken cancellationToken);
}
