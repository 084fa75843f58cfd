namespace Kumoi.Fleets;

/// <summary>Bounds the calls under way on one host, and with all hosts together.</summary>
internal sealed class CallThrottle(SemaphoreSlim all, int perHost)
{
    private readonly SemaphoreSlim _host = new(perHost);

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

    private sealed class Place(SemaphoreSlim all, SemaphoreSlim host) : IDisposable
    {
        public void Dispose()
        {
            all.Release();
            host.Release();
        }
    }
}
