namespace Kumoi.FaultTolerance.Engines.LogReplay;

/// <summary>
/// How fast a replica replays, and so how long it has to go: of a guest that never rests a second is replayed in two to four, and more
/// where others need the processors. Times of the primary tell nothing of that.
/// </summary>
/// <param name="at">The instruction at which the replica stands.</param>
/// <param name="time">The clock.</param>
internal sealed class ReplayPace(long at, TimeProvider time)
{
    /// <summary>So few are replayed at once; what a way of so few takes is what it takes to be told of it.</summary>
    internal const long Few = 20_000_000;

    private readonly Lock _lock = new();
    private long _at = at;
    private long _to = at;
    private long _seen = at;
    private long _since = time.GetTimestamp();
    private double _perSecond; // 0: not known yet

    /// <summary>It has been on its way for so long that it is worth a look at where it is.</summary>
    public bool IsLong
    {
        get
        {
            lock (_lock)
            {
                return time.GetElapsedTime(_since) > ReplayLag.Longest / 2;
            }
        }
    }

    /// <summary>It goes on to an instruction from now on.</summary>
    public void Begin(long to)
    {
        lock (_lock)
        {
            (_to, _since) = (to, time.GetTimestamp());
        }
    }

    /// <summary>It stands where it was to go to. A long way counts for more than a short one.</summary>
    public void Arrive()
    {
        lock (_lock)
        {
            if (_to > _at && time.GetElapsedTime(_since).TotalSeconds is > 0 and var elapsed)
            {
                var weight = _perSecond > 0 ? Math.Min(1, elapsed) : 1;
                _perSecond += weight * (((_to - _at) / elapsed) - _perSecond);
            }

            _at = _to;
        }
    }

    /// <summary>Whether it is at another instruction than when this was asked last.</summary>
    public bool HasMovedTo(long count)
    {
        lock (_lock)
        {
            var moved = count != _seen;
            _seen = count;
            return moved;
        }
    }

    /// <summary>How long it will take to an instruction, from what it has done; zero: not worth a word, or not known.</summary>
    public TimeSpan TimeTo(long count)
    {
        lock (_lock)
        {
            var done = Math.Min(_to - _at, (long)(_perSecond * time.GetElapsedTime(_since).TotalSeconds));
            var left = count - _at - done;
            return left > Few && _perSecond > 0 ? TimeSpan.FromSeconds(Math.Min(left / _perSecond, 3600)) : TimeSpan.Zero;
        }
    }
}
