using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.Speculation.Start;

/// <summary>One target of a start: a paused copy that is made for itself, or the VM at its home, which is only started.</summary>
internal sealed class StartReplica(
    KumoiConnection target, int number, SpeculationMark mark, SpeculativeStartPlan start, TimeSpan? timeLimit, TimeProvider time)
    : Replica(target, number)
{
    private bool _isTooSlow;
    private bool _mayBeNamed;

    /// <summary>
    /// Its start went out and was not answered: it may take effect at any time. Only at home: elsewhere the definition is removed, and
    /// there is nothing to start.
    /// </summary>
    private bool _mayStartLater;

    /// <summary>The VM's own host: there it is started, not made.</summary>
    public bool IsHome => Number == 0;

    /// <summary>It was there, paused.</summary>
    public bool IsThere { get; private set; }

    /// <summary>
    /// Its copy may carry the mark of the one that may have run. Without the journal it will be taken for the winner: until it is gone, its
    /// home's definition must carry the mark as well, or that would stay beside it.
    /// </summary>
    public bool IsNamedAndLeft => _mayBeNamed && !IsRemoved;

    /// <summary>Ends when it is there, or has its failure.</summary>
    public async Task PrepareAsync(CancellationToken cancellationToken)
    {
        using var patience = timeLimit is { } given ? new CancellationTokenSource(given, time) : new CancellationTokenSource();
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, patience.Token);
        var began = time.GetTimestamp();
        try
        {
            if (!IsHome)
            {
                var spec = start.Spec with { Mark = mark with { Replica = Number } };
                await Target.Link.SendAsync(new DefineVM(spec) { Operation = mark.Operation }, either.Token);
            }

            _mayStartLater = IsHome;
            await Target.Link.SendAsync(new StartVM(start.Id, Paused: true) { Operation = mark.Operation }, either.Token);
            IsThere = true;
            _mayStartLater = false;
        }
        catch (HypervisorException e)
        {
            Failure = e;
            _mayStartLater &= e.OutcomeUnknown;
        }
        catch (OperationCanceledException e)
        {
            _isTooSlow = patience.IsCancellationRequested;
            Failure = !_isTooSlow ? e : new HypervisorException(
                $"{Name} took longer than {timeLimit!.Value.TotalSeconds:0.#} s.", FaultDomain.Host, error: HypervisorError.TimedOut);
        }

        Duration = time.GetElapsedTime(began);
    }

    /// <summary>Where the journal is lost, this tells which copy may have run. False: it has failed.</summary>
    public async Task<bool> TryNameAsync()
    {
        try
        {
            // Its answer can be lost, too.
            _mayBeNamed = true;
            await Target.Link.SendAsync(new MarkVM(start.Id, mark with { Replica = Number, IsNamed = true }), CancellationToken.None);
            return true;
        }
        catch (HypervisorException e)
        {
            Failure = e;
            return false;
        }
    }

    /// <summary>It was named, so that to let it run is what is wanted, and does nothing where it runs already.</summary>
    public override async Task TryAgainAsync()
    {
        try
        {
            await LetRunAsync();
        }
        catch (HypervisorException)
        {
            // What the host has tells.
        }
    }

    public override bool IsWaiting(VMWhereabouts place, bool isAnswered) =>
        place is VMWhereabouts.MigrationPaused or VMWhereabouts.Stopping || (place is VMWhereabouts.Paused && !isAnswered);

    /// <summary>What became of it.</summary>
    /// <param name="won">How long it took until a winner was started; zero: none was.</param>
    public ReplicaOutcome ToOutcome(TimeSpan won) => ToOutcome("another host was first") with
    {
        Ending = this switch
        {
            { HasWon: true } => ReplicaEnding.Won,
            { MayRun: true } => ReplicaEnding.Unknown,
            { _isTooSlow: true } => ReplicaEnding.TooSlow,
            { Failure: HypervisorException } => EndingOfFailure,
            _ when won == TimeSpan.Zero => ReplicaEnding.Unknown,
            { IsThere: true } => ReplicaEnding.Complete,
            _ => ReplicaEnding.Abandoned,
        },

        // It would have taken as long as the winner took, as far as is known.
        Progress = won > TimeSpan.Zero ? Math.Clamp(Duration / won, 0, 1) : 0,
    };

    protected override async Task LetRunAsync() =>
        await Target.Link.SendAsync(new ResumeVM(start.Id) { Operation = mark.Operation }, CancellationToken.None);

    protected override async Task<bool> AbandonAsync(CancellationToken cancellationToken)
    {
        var wasThere = await ReplicaRemains.RemoveAsync(Target, Number, start.Id, mark.Operation, cancellationToken);
        _mayStartLater &= !wasThere;

        // As long as it may start later, it is not known to be removed: it keeps the mark, and the operation is unfinished.
        return !_mayStartLater;
    }
}
