namespace Kumoi.Resilience;

/// <summary>
/// A token that is cancelled with the caller's, or when the time is over. It is used again after its end: a call that is answered at once
/// allocates nothing.
/// </summary>
internal sealed class TimeLimit : IDisposable
{
    [ThreadStatic]
    private static TimeLimit? _spare;

    private readonly CancellationTokenSource _source;
    private CancellationTokenRegistration _caller;

    private TimeLimit(CancellationTokenSource source) => _source = source;

    public CancellationToken Token => _source.Token;

    /// <summary>The time is over, or the caller has cancelled.</summary>
    public bool IsOver => _source.IsCancellationRequested;

    /// <summary>
    /// The process's first timer starts a thread, and waits until it runs; all others that want a timer wait with it. Meanwhile nobody needs
    /// one yet.
    /// </summary>
    public static void Prepare() => ThreadPool.UnsafeQueueUserWorkItem(
        static _ =>
        {
            using var first = new CancellationTokenSource(TimeSpan.FromHours(1));
        },
        null);

    public static TimeLimit Begin(TimeSpan time, TimeProvider clock, CancellationToken caller)
    {
        TimeLimit limit;
        if (clock == TimeProvider.System)
        {
            limit = _spare ?? new(new CancellationTokenSource());
            _spare = null;
            limit._source.CancelAfter(time);
        }
        else
        {
            limit = new(new CancellationTokenSource(time, clock));
        }

        limit._caller = caller.UnsafeRegister(static source => ((CancellationTokenSource)source!).Cancel(), limit._source);
        return limit;
    }

    public void Dispose()
    {
        _caller.Dispose(); // when this returns the caller cancels it no more
        if (_spare is null && _source.TryReset())
        {
            _spare = this;
        }
        else
        {
            _source.Dispose();
        }
    }
}
