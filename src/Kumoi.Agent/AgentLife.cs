using Microsoft.Extensions.Logging;

namespace Kumoi.Agent;

/// <summary>When the agent ends: when it is told to, or when it had nothing to do for long enough. Safe for concurrent use.</summary>
internal sealed class AgentLife : IDisposable
{
    private readonly Lock _gate = new();
    private readonly TimeProvider _time;
    private readonly Func<bool> _hasWork;
    private readonly ILogger _log;
    private readonly TaskCompletionSource _ending = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ITimer _timer;
    private TimeSpan _limit;
    private readonly DateTimeOffset _startedAt;
    private long _idleSince;
    private int _inside;

    public AgentLife(TimeSpan limit, Func<bool> hasWork, TimeProvider time, ILogger log)
    {
        _limit = limit;
        _hasWork = hasWork;
        _time = time;
        _log = log;
        _startedAt = time.GetUtcNow();
        _idleSince = time.GetTimestamp();
        _timer = time.CreateTimer(_ => EndIfIdle(), state: null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public DateTimeOffset StartedAt => _startedAt;

    /// <summary>When it is decided that it ends.</summary>
    public Task Ending => _ending.Task;

    /// <summary>It ends when it had nothing to do for so long; zero: never.</summary>
    public TimeSpan Limit
    {
        get
        {
            lock (_gate)
            {
                return _limit;
            }
        }

        set
        {
            lock (_gate)
            {
                _limit = value;
                Wait(value);
            }
        }
    }

    /// <summary>For how long it has had nothing to do; null: it has.</summary>
    public TimeSpan? Idle
    {
        get
        {
            lock (_gate)
            {
                return _inside > 0 || _hasWork() ? null : _time.GetElapsedTime(_idleSince);
            }
        }
    }

    /// <summary>From now on it answers: what it does until then is not idle.</summary>
    public void Begin()
    {
        lock (_gate)
        {
            _idleSince = _time.GetTimestamp();
            Wait(_limit);
        }
    }

    /// <summary>A request comes in that may bring work. False: it is too late, and another agent will have to do it.</summary>
    public bool TryEnter()
    {
        lock (_gate)
        {
            if (_ending.Task.IsCompleted)
            {
                return false;
            }

            _inside++;
            return true;
        }
    }

    /// <summary>It was answered.</summary>
    public void Leave()
    {
        lock (_gate)
        {
            _inside--;
            _idleSince = _time.GetTimestamp();
        }
    }

    /// <summary>Ends it. Requests that are inside are answered still.</summary>
    public void End(string why)
    {
        if (_ending.TrySetResult())
        {
#pragma warning disable CA1848, CA1873 // once in a life
            _log.LogInformation("The agent ends: {Why}.", why);
#pragma warning restore CA1848, CA1873
        }
    }

    /// <summary>Ends it unless it has work, in one step: none comes in between.</summary>
    public bool TryEnd(string why)
    {
        lock (_gate)
        {
            // Who asks is inside.
            if (_inside > 1 || _hasWork())
            {
                return false;
            }

            End(why);
            return true;
        }
    }

    public void Dispose() => _timer.Dispose();

    private void EndIfIdle()
    {
        lock (_gate)
        {
            if (_limit <= TimeSpan.Zero)
            {
                return;
            }

            if (_inside > 0 || _hasWork())
            {
                _idleSince = _time.GetTimestamp();
                Wait(_limit);
                return;
            }

            var left = _limit - _time.GetElapsedTime(_idleSince);
            if (left <= TimeSpan.Zero)
            {
                End("it has had nothing to do");
            }
            else
            {
                Wait(left);
            }
        }
    }

    private void Wait(TimeSpan span)
    {
        if (span > TimeSpan.Zero)
        {
            _timer.Change(span, Timeout.InfiniteTimeSpan);
        }
    }
}
