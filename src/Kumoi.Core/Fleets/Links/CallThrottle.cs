namespace Kumoi.Fleets.Links;

/// <summary>Bounds the calls under way on one host, and with all hosts together.</summary>
internal sealed class CallThrottle(SemaphoreSlim all, int perHost, int jobsPerHost)
{
    /// <summary>For calls that are short.</summary>
    public ICallGate Calls { get; } = new CallGate(all, new SemaphoreSlim(perHost));

    /// <summary>For jobs. A job lasts long: it must not take a place that short calls need, and is bounded by itself.</summary>
    public ICallGate Jobs { get; } = new JobGate(new SemaphoreSlim(jobsPerHost));

    private sealed class JobGate(SemaphoreSlim jobs) : ICallGate
    {
        public Task EnterAsync(CancellationToken cancellationToken) => jobs.WaitAsync(cancellationToken);

        public void Leave() => jobs.Release();
    }

    private sealed class CallGate(SemaphoreSlim all, SemaphoreSlim host) : ICallGate
    {
        /// <summary>The host's place is taken first: waiting for a slow host must not hold a place that others could use.</summary>
        public async Task EnterAsync(CancellationToken cancellationToken)
        {
            await host.WaitAsync(cancellationToken);
            try
            {
                await all.WaitAsync(cancellationToken);
            }
            catch
            {
                host.Release();
                throw;
            }
        }

        public void Leave()
        {
            all.Release();
            host.Release();
        }
    }
}
