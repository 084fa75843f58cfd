using System.Runtime.CompilerServices;
using Kumoi.Journal;

namespace Kumoi.Fleets.Journaling;

/// <summary>
/// A fleet's way to its journal: opened when there is something to write, never before. An intent that cannot be written stops its call;
/// an outcome or an event that cannot be written stops nothing, and is told at the next opportunity. The journal can become another one
/// (<c>KUMOI_STATE</c>) at any time: what was begun in one ends there.
/// </summary>
internal sealed class FleetJournal(Func<IJournal> open, TimeProvider time)
{
    /// <summary>How many tellings may wait for the journal at a time. What is beyond is dropped, and told as a gap.</summary>
    private const int MaxTellingsUnderWay = 256;

    private readonly SemaphoreSlim _places = new(MaxTellingsUnderWay);
    private readonly Lock _gate = new();
    private readonly AsyncLocal<IJournal?> _kept = new();
    private Task _told = Task.CompletedTask;
    private JournalException? _failure;
    private int _dropped;

    public DateTimeOffset Now => time.GetUtcNow();

    /// <summary>Writes the intent. When this returns, the call may go out.</summary>
    /// <exception cref="JournalException">It must not go out.</exception>
    public async Task<JournaledOperation> BeginAsync(OperationIntent intent, CancellationToken cancellationToken)
    {
        var journal = await OpenAsync(cancellationToken);
        return new(journal, await journal.BeginAsync(intent, cancellationToken), intent);
    }

    /// <summary>
    /// Writes the outcome, and an event if it is unknown, where the operation was begun. What cannot be written stays pending, which is as
    /// much as to say unknown.
    /// </summary>
    public async Task EndAsync(JournaledOperation operation, OperationOutcome outcome)
    {
        var (journal, sequence, intent) = operation;
        try
        {
            // The call has ended, whoever waits for it: its outcome is written without regard to cancellation. The journal bounds the wait.
            var ended = journal.EndAsync(sequence, intent.Id, outcome, CancellationToken.None);
            if (outcome.State is OperationState.Unknown)
            {
                await journal.AppendAsync(ToEvent(intent, outcome), CancellationToken.None);
            }

            await ended;
        }
        catch (JournalException e)
        {
            NoteFailure(e);
        }
        catch (ObjectDisposedException)
        {
            // The session has ended, and the operation stays pending.
        }
    }

    /// <summary>
    /// From here on, and in all that is called from here, the journal is this one: for what consists of several records that belong
    /// together. The caller of the (asynchronous) method that calls this is not concerned.
    /// </summary>
    public void Keep(IJournal journal) => _kept.Value = journal;

    /// <summary>Appends an event.</summary>
    /// <exception cref="JournalException">It could not be written.</exception>
    public async Task<long> AppendAsync(KumoiEvent happened, CancellationToken cancellationToken) =>
        await (await OpenAsync(cancellationToken)).AppendAsync(happened, cancellationToken);

    /// <inheritdoc cref="IJournal.ReadEventsAsync"/>
    /// <exception cref="JournalException">It cannot be read.</exception>
    public async IAsyncEnumerable<KumoiEvent> ReadEventsAsync(
        EventQuery query, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var happened in (await OpenAsync(cancellationToken)).ReadEventsAsync(query, cancellationToken))
        {
            yield return happened;
        }
    }

    /// <summary>Appends events some time soon, after those that were told before: nobody waits for it.</summary>
    public void Tell(params IReadOnlyList<KumoiEvent> happened)
    {
        if (!_places.Wait(TimeSpan.Zero))
        {
            Interlocked.Add(ref _dropped, happened.Count);
            return;
        }

        lock (_gate)
        {
            _told = TellNextAsync(_told, happened);
        }
    }

    /// <summary>When all events that were told are in the journal, or lost.</summary>
    public Task SettleAsync()
    {
        lock (_gate)
        {
            return _told;
        }
    }

    /// <summary>Why an outcome or an event could not be written, once; null: all were.</summary>
    public JournalException? TakeFailure() => Volatile.Read(ref _failure) is null ? null : Interlocked.Exchange(ref _failure, null);

    /// <summary>Appends events. What cannot be appended is told at the next opportunity; this never fails.</summary>
    public Task TellAsync(params IReadOnlyList<KumoiEvent> happened) => TellAsync(OpenAsync(CancellationToken.None), happened);

    /// <summary>As the other, into the journal where an operation was begun.</summary>
    public Task TellAsync(JournaledOperation operation, KumoiEvent happened) => TellAsync(Task.FromResult(operation.Journal), [happened]);

    private async Task TellAsync(Task<IJournal> opening, IReadOnlyList<KumoiEvent> happened)
    {
        try
        {
            // All at once: they share the journal's waits for the disk, and keep their order.
            var journal = await opening;
            await Task.WhenAll(happened.Select(one => journal.AppendAsync(one, CancellationToken.None)));
        }
        catch (JournalException e)
        {
            NoteFailure(e);
        }
        catch (ObjectDisposedException)
        {
            // The session has ended.
        }
    }

    /// <summary>Something could not be written: it is told at the next opportunity.</summary>
    public void NoteFailure(JournalException failure) => Volatile.Write(ref _failure, failure);

    private async Task TellNextAsync(Task before, IReadOnlyList<KumoiEvent> happened)
    {
        await before;
        if (Interlocked.Exchange(ref _dropped, 0) is > 0 and var dropped)
        {
            await TellAsync(
                new KumoiEvent { At = Now, Kind = KumoiEventKind.Gap, Message = $"{dropped} events came too fast for the journal." });
        }

        await TellAsync(happened);
        _places.Release();
    }

    /// <summary>Away from the caller's thread: the first opening loads assemblies.</summary>
    public Task<IJournal> OpenAsync(CancellationToken cancellationToken) =>
        _kept.Value is { } kept ? Task.FromResult(kept) : Task.Run(open, cancellationToken);

    private static KumoiEvent ToEvent(OperationIntent intent, OperationOutcome outcome) => new()
    {
        At = outcome.At,
        Kind = KumoiEventKind.OutcomeUnknown,
        VMHost = intent.VMHost,
        VM = outcome.VM ?? intent.VM ?? intent.VMId?.ToString("D"),
        OperationId = intent.Id,
        Message = $"{intent.Kind} on {intent.VMHost} may have taken effect: {outcome.Error}",
    };
}
