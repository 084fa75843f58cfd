using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.Speculation.Migration;

/// <summary>One target of a migration: a paused copy that waits for the VM's state, from the same stream as the others.</summary>
internal sealed class MigrationReplica(KumoiConnection target, int number) : Replica(target, number)
{
    private long _bytesTaken;
    private TimeSpan? _droppedAfter;
    private bool _isClosed;

    public IIncomingMigration? Incoming { get; set; }

    /// <summary>It was left out: what stands in the way is known, and is no failure.</summary>
    public bool IsRefused { get; set; }

    /// <summary>It has the whole VM.</summary>
    public bool HasAll { get; set; }

    /// <summary>Another had the whole VM, and that was the end of it.</summary>
    public bool IsOvertaken { get; set; }

    /// <summary>The transfer ended for a reason that may be the source's or the caller's: what the target did in it says nothing.</summary>
    public bool IsInDoubt { get; set; }

    public ReplicaBudget Budget { get; init; } = new();

    public long BytesTaken => Volatile.Read(ref _bytesTaken);

    /// <summary>Whether the target is prepared; otherwise its failure says why not.</summary>
    /// <param name="offer">What the source gave.</param>
    /// <param name="patience">Cancelled when all is, or when the target is silent for too long.</param>
    /// <param name="cancellationToken">Cancelled when all is.</param>
    public async Task<bool> PrepareAsync(MigrationOffer offer, CancellationToken patience, CancellationToken cancellationToken)
    {
        try
        {
            Incoming = await Target.Link.SendAsync(new PrepareMigration(offer, Number), patience);
        }
        catch (HypervisorException e)
        {
            Failure = e;
        }
        catch (OperationCanceledException e)
        {
            Failure = cancellationToken.IsCancellationRequested ? e : Stragglers.Silent(Name);
        }

        return Incoming is not null;
    }

    /// <summary>Notes how far it is.</summary>
    /// <param name="progress">As the relay tells it.</param>
    /// <param name="elapsed">Since the transfer began.</param>
    public void Observe(ReplicaProgress progress, TimeSpan elapsed)
    {
        Volatile.Write(ref _bytesTaken, progress.BytesTaken);
        if (progress.Dropped is not null)
        {
            _droppedAfter ??= elapsed;
        }
    }

    /// <summary>libvirt takes a second one for another migration's.</summary>
    public override Task TryAgainAsync() => Task.CompletedTask;

    public override bool IsWaiting(VMWhereabouts place, bool isAnswered) =>
        place is VMWhereabouts.MigrationPaused or VMWhereabouts.Stopping;

    /// <summary>Ends its connection. What was not removed before, and never started, is destroyed there.</summary>
    public async Task CloseAsync()
    {
        if (Incoming is { } incoming && !_isClosed)
        {
            _isClosed = true;
            await incoming.DisposeAsync();
        }
    }

    /// <summary>What became of it, as far as it has come.</summary>
    /// <param name="expectedBytes">What a whole transfer takes.</param>
    public ReplicaOutcome ToOutcome(long expectedBytes) => ToOutcome("another target was first") with
    {
        Ending = Ending(),
        Duration = _droppedAfter ?? Duration,
        Progress = expectedBytes > 0 ? Math.Clamp(BytesTaken / (double)expectedBytes, 0, 1) : 0,
    };

    protected override async Task LetRunAsync() => await Target.Link.SendAsync(new FinishMigration(Incoming!), CancellationToken.None);

    protected override async Task<bool> AbandonAsync(CancellationToken cancellationToken)
    {
        if (Incoming is not { } incoming || _isClosed)
        {
            return Incoming is null;
        }

        await Target.Link.SendAsync(new AbandonMigration(incoming), cancellationToken);
        return true;
    }

    private ReplicaEnding Ending() => this switch
    {
        { HasWon: true } => ReplicaEnding.Won,
        { IsRefused: true } => ReplicaEnding.Unknown,
        { Incoming: null } or { WasNamed: true } => EndingOfFailure,
        { HasAll: true } => ReplicaEnding.Complete,
        { IsInDoubt: true } => ReplicaEnding.Unknown,
        _ when _droppedAfter is { } elapsed =>
            elapsed >= Budget.TimeLimit ? ReplicaEnding.TooSlow
            // How much a VM writes while it moves is its own doing.
            : BytesTaken > Budget.ByteLimit ? ReplicaEnding.Unknown
            : ReplicaEnding.Failed,
        { IsOvertaken: true } => ReplicaEnding.Abandoned,
        _ => ReplicaEnding.Unknown,
    };
}
