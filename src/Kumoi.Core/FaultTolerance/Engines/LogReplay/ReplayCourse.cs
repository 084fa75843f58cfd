using System.Xml.Linq;
using Kumoi.FaultTolerance.Gates;
using Kumoi.FaultTolerance.Protocols.LogReplay;
using Kumoi.Hypervisors;

namespace Kumoi.FaultTolerance.Engines.LogReplay;

/// <summary>A replica that follows its primary: both sides of the protocol, and the log between them.</summary>
internal sealed class ReplayCourse : IAsyncDisposable
{
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(10);

    private const int MostPolls = 1000;

    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _end = new();
    private readonly Queue<ReplayPoll> _polls = new();
    private readonly Queue<(ReplayPoint Point, ReplayPoll Poll)> _points = new(); // of the outputs that the replica has not replayed
    private (long Count, long Position, long At) _looked; // of the last look
    private readonly PairPlan _plan;
    private readonly TimeProvider _time;
    private readonly ReplayPace _pace;
    private readonly ReplayProgress _progress;
    private ReplayPrimary _primary;
    private ReplayBackup _backup;
    private ReplayPoll _covered;
    private ReplayPoint _last; // the last output that the backup was told of
    private long _replayed; // the position to which the replica has come
    private long _replayedLog; // how long the log is up to there
    private long? _target;
    private Task _looking = Task.CompletedTask;
    private Task _moving = Task.CompletedTask;
    private Task _following = Task.CompletedTask;
    private TaskCompletionSource _news = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public ReplayCourse(PairPlan plan, ReplayPoint begun, TimeProvider time)
    {
        _plan = plan;
        _time = time;
        _pace = new ReplayPace(begun.Count, time);
        _progress = new ReplayProgress(begun.Count, log: 0, plan.CheckpointPatience, time);
        _last = begun;
        _replayed = begun.Position;
        _covered = new ReplayPoll(begun.Count, begun.Position, 0, 0, default);
        _looked = (begun.Count, begun.Position, time.GetTimestamp());
        _primary = ReplayPrimary.Begin(OutputRule.Kumoi, maxHeld: 1, begun.Id);
        _backup = ReplayBackup.Begin(OutputRule.Kumoi, begun.Id);
    }

    /// <summary>The primary's, as libvirt knows it.</summary>
    public required QemuReplay Primary { get; init; }

    public required QemuReplay Replica { get; init; }

    /// <summary>What takes over with the replica's state. Who takes it away disposes it.</summary>
    public required ReplaySuccessor Successor { get; set; }

    /// <summary>The VM's live definition when the replica was made.</summary>
    public required XElement Live { get; init; }

    public required string Attempt { get; init; }

    /// <summary>What the VM is recorded to.</summary>
    public required string Recording { get; init; }

    public required ConsoleGate Console { get; init; }

    public required ReplicaConsole Echo { get; init; }

    public required LogStream Stream { get; init; }

    public required ReplayLog Log { get; init; }

    /// <summary>Where outputs are noted for whoever looks at the recording later; null: it is not kept.</summary>
    public ReplayMoments? Moments { get; init; }

    /// <summary>The position at the console at which the recording begins. What it put out before the pair was begun counts.</summary>
    public required long Origin { get; init; }

    /// <summary>The side of the replica, and the outputs that it has not replayed.</summary>
    public (ReplayBackup Side, IReadOnlyList<ReplayPoint> Ahead) Backup
    {
        get
        {
            lock (_lock)
            {
                return (_backup, [.. _points.Select(static ahead => ahead.Point)]);
            }
        }
    }

    /// <summary>The outputs that the backup was told of and that may have to be let out.</summary>
    public IReadOnlyList<ReplayPoint> Told => _last.Hash.Length > 0 ? [_last] : [];

    /// <summary>The position of the last output that the replica has replayed.</summary>
    public long Replayed => Volatile.Read(ref _replayed);

    /// <summary>How far the replica is behind the VM.</summary>
    public ReplayLag Lag
    {
        get
        {
            var recorded = Stream.Recorded;
            lock (_lock)
            {
                var time = _points.TryPeek(out var oldest) ? _time.GetElapsedTime(oldest.Poll.At) : TimeSpan.Zero;
                return _points.Count == 0 && _covered.Count <= _last.Count
                    ? ReplayLag.There(recorded - Stream.Sent)
                    : new ReplayLag(time, recorded - _replayedLog, _pace.TimeTo(_covered.Count));
            }
        }
    }

    /// <summary>Begins to follow.</summary>
    /// <param name="recorded">How long the log is up to where the replica stands.</param>
    public void Follow(long recorded)
    {
        _replayedLog = recorded;
        _looking = RepeatAsync(LookAsync); // side by side: a host that is slow to answer for one of them does not hold up the other
        _moving = RepeatAsync(MoveAsync);
        _following = FollowAsync();
    }

    /// <summary>The replica is not moved any more.</summary>
    public async Task HaltAsync()
    {
        await _end.CancelAsync();
        foreach (var task in new[] { _looking, _moving, _following })
        {
            await task.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        Moments?.Dispose();
    }

    /// <summary>Holds the next output, and has it acknowledged. When this returns it may be performed.</summary>
    /// <exception cref="HypervisorException">The replica does not follow any more.</exception>
    public async Task<ReplayPoint> OfferAsync(int number, CancellationToken cancellationToken)
    {
        if (_primary.Held is [var held] && held.Id == number && _primary.Next == number)
        {
            return _last; // its commit was not written down
        }

        _progress.GoOn();
        var poll = await NextAsync(cancellationToken);
        var (from, bytes) = Console.Read(poll.Position);
        var before = _last.Position;
        var point = new ReplayPoint(number, poll.Count, poll.Position, ReplayPoint.HashOf(bytes.AsSpan((int)(before - from))));
        LogMessage? events;
        LogMessage? output;
        lock (_lock)
        {
            _primary = _primary.Record(out events).Hold(out output);
        }

        await AtAsync(ReplayStep.Sent);
        Stream.Flush();
        Log.Write(new ReplayEntry { Number = events!.Number }, new ReplayEntry { Number = output!.Number, Output = point });
        var needed = poll.Needed + Stream.Added;
        Moments?.Write(new ReplayMoment(poll.Seen, poll.Count, before - Origin, poll.Position - Origin, point.Hash, needed));
        lock (_lock)
        {
            _backup = _backup.Receive(events).Receive(output);
            _points.Enqueue((point, poll));
            _last = point; // from here on it is to be let out, whatever becomes of the primary
        }

        await AtAsync(ReplayStep.Received);
        Acknowledge();
        await AtAsync(ReplayStep.Acknowledged);
        return _primary.Next == number ? point : throw new HypervisorException(
            $"The backup has not acknowledged output {number}.", FaultDomain.Host, isTransient: true, error: HypervisorError.InvalidState,
            recommendedAction: "Another replica is made.");
    }

    /// <summary>The output has gone out. The backup is told, once.</summary>
    public async Task PerformedAsync(long number)
    {
        LogMessage? notice = null;
        lock (_lock)
        {
            if (_primary.Next == number)
            {
                _primary = _primary.Perform(number, out notice);
            }
        }

        if (notice is null)
        {
            return;
        }

        await AtAsync(ReplayStep.Performed);
        Log.Write(new ReplayEntry { Number = notice.Number, Performed = number });
        lock (_lock)
        {
            _backup = _backup.Receive(notice);
            Forget();
        }

        Acknowledge();
        await AtAsync(ReplayStep.Noticed);
    }

    public Task AtAsync(ReplayStep step) => _plan.AtReplayStep?.Invoke(step) ?? Task.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await HaltAsync();
        await Stream.DisposeAsync();
        Log.Dispose();
        Echo.Dispose();
        Successor.Dispose();
        _end.Dispose();
    }

    /// <summary>What has gone out and was put out by the replica too is not needed any more.</summary>
    private void Forget()
    {
        if (_backup.LastPerformed >= _last.Id)
        {
            Echo.Forget(Math.Min(_last.Position, _replayed));
        }
    }

    private void Acknowledge()
    {
        lock (_lock)
        {
            _primary = _primary.Acknowledge(_backup.Received);
        }
    }

    /// <summary>The last moment of which the backup has the whole log, as soon as it is a new one and the replica is near.</summary>
    private async Task<ReplayPoll> NextAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            Task news;
            lock (_lock)
            {
                // One that has nothing to go to would never come nearer.
                if (_covered.Count > _last.Count && (_points.Count == 0 || !Lag.IsTooFar))
                {
                    return _covered;
                }

                news = _news.Task;
            }

            if (_following.IsCompleted)
            {
                await _following;
            }

            _progress.ThrowIfOver();
            try
            {
                await Task.WhenAny(news, _following).WaitAsync(_plan.CheckpointPatience, _time, cancellationToken);
            }
            catch (TimeoutException)
            {
                // Not even a look has ended.
            }
        }
    }

    private async Task FollowAsync()
    {
        if (await Task.WhenAny(_looking, _moving) == _moving)
        {
            await _moving;
        }

        await _looking.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        while (!IsCaughtUp && !_moving.IsCompleted && !_end.IsCancellationRequested)
        {
            // The primary may be lost: by the time that this is known, its replica is where it is needed.
            await Task.Delay(BetweenLooks, _time, _end.Token);
        }

        await _looking;
    }

    private Task RepeatAsync(Func<Task> step) => Repeating.RunAsync(step, BetweenLooks, _time, _end.Token);

    private bool IsCaughtUp
    {
        get
        {
            lock (_lock)
            {
                return _target is null && _points.Count == 0;
            }
        }
    }

    /// <summary>How far the primary is, and of which moments the backup has the whole log by now.</summary>
    private async Task LookAsync()
    {
        var position = Console.Drain();
        var count = await Primary.CountAsync(_end.Token);
        var needed = Stream.Recorded + LogStream.Lot;
        var seen = _time.GetUtcNow();
        _progress.See(count, Stream.Sent);
        lock (_lock)
        {
            // QEMU's count may be some moments old, and what was taken at the last look came later than that. A count that is another one
            // than at the last look is of a moment after that look.
            if (count > _looked.Count && _polls.Count < MostPolls)
            {
                _polls.Enqueue(new ReplayPoll(count, _looked.Position, needed, _looked.At, seen));
            }

            _looked = (count, position, _time.GetTimestamp());

            while (_polls.TryPeek(out var poll) && poll.Needed <= Stream.Sent)
            {
                _covered = _polls.Dequeue();
            }

            var news = _news;
            _news = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            news.TrySetResult();
        }
    }

    /// <summary>The replica goes to the last output that it was told of.</summary>
    private async Task MoveAsync()
    {
        if (_target is { } target)
        {
            if (await Replica.IsRunningAsync(_end.Token))
            {
                if (_pace.IsLong && _pace.HasMovedTo(await Replica.CountAsync(_end.Token)))
                {
                    _progress.GoOn();
                }

                return;
            }

            if (await Replica.CountAsync(_end.Token) < target)
            {
                await Replica.GoOnAsync(_end.Token); // that it was told so before is not known, or somebody has stopped it
                return;
            }

            _target = null;
            _progress.GoOn();
            _pace.Arrive();
            Arrive(target);
        }

        long? next;
        lock (_lock)
        {
            next = _points.Count > 0 ? _points.Last().Point.Count : null;
        }

        if (next is { } count)
        {
            if (await Replica.CountAsync(_end.Token) < count)
            {
                await Replica.BreakAtAsync(count, _end.Token);
                _pace.Begin(count);
                _target = count; // from here on it may go, whether or not the next call tells
                await Replica.GoOnAsync(_end.Token);
            }

            _target = count;
        }
    }

    /// <summary>What the replica has put out on its way must be what the primary has.</summary>
    private void Arrive(long count)
    {
        lock (_lock)
        {
            while (_points.TryPeek(out var ahead) && ahead.Point.Count <= count)
            {
                _points.Dequeue();
                _plan.ReplayLagged?.Invoke(_time.GetElapsedTime(ahead.Poll.At));
                _replayedLog = ahead.Poll.Needed - LogStream.Lot;
                ahead.Point.Compare(Echo.Read(_replayed, ahead.Point.Position));
                _backup = _backup.Replay().Replay(); // the events that led to it, and the output
                _replayed = ahead.Point.Position;
            }

            Forget();
        }
    }
}
