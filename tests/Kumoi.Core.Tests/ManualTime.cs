namespace Kumoi.Tests;

/// <summary>A clock that moves only when it is told to. Timers fire, in the order of their times, inside <see cref="Advance"/>.</summary>
internal sealed class ManualTime : TimeProvider
{
    private readonly Lock _gate = new();
    private readonly List<Timer> _timers = [];
    private TimeSpan _now;
    private TimeSpan _stepped;

    /// <summary>
    /// What waits for so long at most, as who asks again and again does, is not kept waiting: the clock moves on by itself.
    /// </summary>
    public TimeSpan? RunsThrough { get; init; }

    public static DateTimeOffset Start { get; } = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <summary>How many timers are waiting: whether something under test has begun to wait.</summary>
    public int Waiting
    {
        get
        {
            lock (_gate)
            {
                return _timers.Count(timer => timer.Due is not null);
            }
        }
    }

    /// <summary>When something has begun to wait for just so long: time-outs of calls under way are something else.</summary>
    public async Task WaitingAsync(TimeSpan forThis)
    {
        while (!IsWaited(forThis))
        {
            await Task.Yield();
        }
    }

    private bool IsWaited(TimeSpan forThis)
    {
        lock (_gate)
        {
            return _timers.Exists(timer => timer.Due - _now == forThis);
        }
    }

    public override DateTimeOffset GetUtcNow()
    {
        lock (_gate)
        {
            return Start + _now + _stepped;
        }
    }

    /// <summary>Somebody sets the computer's clock. No more time has passed.</summary>
    public void Step(TimeSpan by)
    {
        lock (_gate)
        {
            _stepped += by;
        }
    }

    public override long GetTimestamp()
    {
        lock (_gate)
        {
            return _now.Ticks;
        }
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(this, () => callback(state));
        lock (_gate)
        {
            _timers.Add(timer);
        }

        timer.Change(dueTime, period);
        return timer;
    }

    public void Advance(TimeSpan by)
    {
        TimeSpan until;
        lock (_gate)
        {
            until = _now + by;
        }

        while (true)
        {
            Timer? next;
            lock (_gate)
            {
                next = _timers.Where(timer => timer.Due <= until).MinBy(timer => timer.Due);
                var then = next?.Due ?? until;
                _now = then > _now ? then : _now;
                next?.Reschedule();
            }

            if (next is null)
            {
                return;
            }

            next.Fire();
        }
    }

    private sealed class Timer(ManualTime time, Action fire) : ITimer
    {
        private TimeSpan _period;

        public TimeSpan? Due { get; private set; }

        public void Fire() => fire();

        public void Reschedule() => Due = _period > TimeSpan.Zero ? Due + _period : null;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (time._gate)
            {
                _period = period;
                Due = dueTime == Timeout.InfiniteTimeSpan ? null : time._now + dueTime;
            }

            if (dueTime > TimeSpan.Zero && dueTime <= time.RunsThrough)
            {
                ThreadPool.QueueUserWorkItem(_ => time.Advance(dueTime));
            }

            return true;
        }

        public void Dispose()
        {
            lock (time._gate)
            {
                time._timers.Remove(this);
            }
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
