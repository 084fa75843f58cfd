using System.Runtime.CompilerServices;
using Kumoi.Hypervisors;

namespace Kumoi.FaultTolerance.Pairs;

/// <summary>Stands for a host of a pair that is not connected now: it is as one that does not answer.</summary>
/// <param name="host">Its name.</param>
internal sealed class UnconnectedLink(string host) : IHypervisorLink
{
    public string Uri => "";

    public string HostName => host;

    public ValueTask<T> SendAsync<T>(HostCall<T> call, CancellationToken cancellationToken) => ValueTask.FromException<T>(NotConnected());

    public async IAsyncEnumerable<VMLifecycleEvent> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.FromException(NotConnected());
        yield break;
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private HypervisorException NotConnected() => new(
        $"{host} is not connected.", error: HypervisorError.ConnectionFailed, recommendedAction: $"Connect it: Connect-KumoiHost {host}.");
}
