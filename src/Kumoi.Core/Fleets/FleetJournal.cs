using System.Runtime.CompilerServices;
using Kumoi.Journal;

namespace Kumoi.Fleets;

/// <summary>
/// A fleet's way to its journal: opened when there is something to write, never before. An intent that cannot be written stops its call;
/// an outcome or an event that cannot be written stops nothing, and is told at the next opportunity.
/// </summary>
internal sealed class FleetJournal(Func<IJournal> open, TimeProvider time)
{
    /// <summary>How many tellings may wait for the journal at a time. What is beyond is dropped, and told as a gap.</summary>
    private const int MaxTellingsUnderWay = 256;

    private readonly SemaphoreSlim _places = new(MaxTellingsUnderWay);
    private readonly Lock _gate = new();
    private Task _told = Task.CompletedTask;
    private JournalException? _failure;
    private int _dropped;
    private MaintenanceMarks? _maintenance;

    public DateTimeOffset Now => time.GetUtcNow();

    /// <summary>Which hosts are in maintenance, as the journal has it.</summary>
    public MaintenanceMarks Maintenance => LazyInitializer.EnsureInitialized(ref _maintenance, () => new MaintenanceMarks(this, time));

    /// <summary>Writes the intent. When this returns, the call may go out.</summary>
    /// <exception cref="JournalException">It must not go out.</exception>
    public async Task<long> BeginAsync(OperationIntent intent, CancellationToken cancellationToken) =>
        await (await OpenAsync(cancellationToken)).BeginAsync(intent, cancellationToken);

    /// <summary>Writes the outcome, and an event if it is unknown. What cannot be written stays pending, which is as much as to say unknown.</summary>
    public async Task EndAsync(long sequence, OperationIntent intent, OperationOutcome outcome)
    {
        try
        {
            // The call has ended, whoever waits for it: its outcome is written without regard to cancellation. The journal bounds the wait.
            var journal = await OpenAsync(CancellationToken.None);
            var ended = journal.EndAsync(sequence, outcome, CancellationToken.None);
            if (outcome.State is OperationState.Unknown)
            {
                await journal.AppendAsync(ToEvent(intent, outcome), CancellationToken.None);
            }

            await ended;
        }
        catch (JournalException e)
        {
            Volatile.Write(ref _failure, e);
        }
    }

    /// <summary>Appends an event.</summary>
    /// <exception cref="JournalException">It could not be written.</exception>
    public async Task<long> AppendAsync(KumoiEvent happened, CancellationToken cancellationToken) =>
        await (await OpenAsync(cancellationToken)).AppendAsync(happened, cancellationToken);

    /// <inheritdoc cref="IJournal.ReadEventsAsync"/>
    /// <exception cref="JournalException">It cannot be read.</exception>
    public async IAsyncEnumerable<KumoiEvent> ReadEventsAsync(EventQuery query, [EnumeratorCancellation] CancellationToken cancellationToken)
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
    public async Task TellAsync(params IReadOnlyList<KumoiEvent> happened)
    {
        try
        {
            // All at once: they share the journal's waits for the disk, and keep their order.
            var journal = await OpenAsync(CancellationToken.None);
            await Task.WhenAll(happened.Select(one => journal.AppendAsync(one, CancellationToken.None)));
        }
        catch (JournalException e)
        {
            Volatile.Write(ref _failure, e);
        }
        catch (ObjectDisposedException)
        {
            // The session has ended.
        }
    }

    private async Task TellNextAsync(Task before, IReadOnlyList<KumoiEvent> happened)
    {
        await before;
        if (Interlocked.Exchange(ref _dropped, 0) is > 0 and var dropped)
        {
            await TellAsync(new KumoiEvent { At = Now, Kind = KumoiEventKind.Gap, Message = $"{dropped} events came too fast for the journal." });
        }

        await TellAsync(happened);
        _places.Release();
    }

    /// <summary>Away from the caller's thread: the first opening loads assemblies.</summary>
    public Task<IJournal> OpenAsync(CancellationToken cancellationToken) => Task.Run(open, cancellationToken);

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
