using Kumoi.Hypervisors;

namespace Kumoi.Tests.FaultTolerance.Pairs;

/// <summary>A link whose steps go through a <see cref="DyingProcess"/>.</summary>
internal sealed class DyingLink(IHypervisorLink inner, DyingProcess process) : IHypervisorLink
{
    public string Uri => inner.Uri;

    public string HostName => inner.HostName;

    public ValueTask<T> SendAsync<T>(HostCall<T> call, CancellationToken cancellationToken)
    {
        process.Death.ThrowIfCancellationRequested();
        return DyingProcess.NameOf(call) is { } name
            ? process.StepAsync($"{name} on {HostName}", () => inner.SendAsync(call, cancellationToken))
            : inner.SendAsync(call, cancellationToken);
    }

    public IAsyncEnumerable<VMLifecycleEvent> WatchAsync(CancellationToken cancellationToken) => inner.WatchAsync(cancellationToken);

    public ValueTask DisposeAsync() => inner.DisposeAsync();
}
