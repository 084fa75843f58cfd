using Kumoi.Hypervisors;

namespace Kumoi.Speculation.Migration;

/// <summary>One target of a migration, and what is known of it.</summary>
internal sealed class MigrationReplica(KumoiConnection target, int number)
{
    private long _bytesTaken;
    private TimeSpan? _droppedAfter;

    public KumoiConnection Target => target;

    public string Name => target.Name;

    public int Number => number;

    public IIncomingMigration? Incoming { get; set; }

    public Exception? Failure { get; set; }

    /// <summary>It was left out: what stands in the way is known, and is no failure.</summary>
    public bool IsRefused { get; set; }

    public bool IsAbandoned { get; set; }

    /// <summary>It has the whole VM.</summary>
    public bool HasAll { get; set; }

    /// <summary>The starting step went to it.</summary>
    public bool WasNamed { get; set; }

    /// <summary>The starting step went to it, and it was not seen to have nothing since.</summary>
    public bool MayRun => WasNamed && !IsAbandoned;

    public bool HasWon { get; set; }

    public bool IsClean { get; set; } = true;

    /// <summary>Another had the whole VM, and that was the end of it.</summary>
    public bool IsOvertaken { get; set; }

    /// <summary>The transfer ended for a reason that may be the source's or the caller's: what the target did in it says nothing.</summary>
    public bool IsInDoubt { get; set; }

    public TimeSpan Duration { get; set; }

    public ReplicaBudget Budget { get; set; } = new();

    public long BytesTaken => Volatile.Read(ref _bytesTaken);

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

    /// <summary>What became of it, as far as it has come.</summary>
    /// <param name="expectedBytes">What a whole transfer takes.</param>
    public ReplicaOutcome ToOutcome(long expectedBytes) =>
        new(Name, HasWon, HasWon ? null : Failure?.Message ?? "another target was first", IsClean)
        {
            Ending = Ending(),
            Duration = _droppedAfter ?? Duration,
            Progress = expectedBytes > 0 ? Math.Clamp(BytesTaken / (double)expectedBytes, 0, 1) : 0,
        };

    private ReplicaEnding Ending() => this switch
    {
        { HasWon: true } => ReplicaEnding.Won,
        { IsRefused: true } => ReplicaEnding.Unknown,
        { Incoming: null } or { WasNamed: true } => IsFailureOfHost ? ReplicaEnding.Failed : ReplicaEnding.Unknown,
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

    private bool IsFailureOfHost => Failure is HypervisorException e && HostReliability.IsOfHost(e.FaultDomain, e.Error);
}
