namespace Kumoi.Fleets;

/// <summary>Bounds the calls under way on one host, and with all hosts together.</summary>
internal sealed class CallThrottle(SemaphoreSlim all, int perHost, int jobsPerHost)
{
    private readonly SemaphoreSlim _host = new(perHost);
    private readonly SemaphoreSlim _jobs = new(jobsPerHost);

    /// <summary>A job lasts long: it must not take a place that short calls need, and is bounded by itself.</summary>
    public async ValueTask<IDisposable> EnterJobAsync(CancellationToken cancellationToken)
    {
        await _jobs.WaitAsync(cancellationToken);
        return new Place(_jobs, null);
    }

    /// <summary>The host's place is taken first: waiting for a slow host must not hold a place that others could use.</summary>
    public async ValueTask<IDisposable> EnterAsync(CancellationToken cancellationToken)
    {
        await _host.WaitAsync(cancellationToken);
        try
        {
            await all.WaitAsync(cancellationToken);
        }
        catch
        {
            _host.Release();
            throw;
        }

        return new Place(all, _host);
    }

    private sealed class Place(SemaphoreSlim first, SemaphoreSlim? second) : IDisposable
    {
        public void Dispose()
        {
            first.Release();
            second?.Release();
        }
    }
}
