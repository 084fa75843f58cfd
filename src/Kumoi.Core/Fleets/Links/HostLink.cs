using System.Runtime.CompilerServices;
using Kumoi.Hypervisors;

namespace Kumoi.Fleets.Links;

/// <summary>The link that a fleet hands out: every call passes all layers, outermost first, and then goes to the driver.</summary>
internal sealed class HostLink(LinkedHost host, IReadOnlyList<LinkLayer> layers) : IHypervisorLink
{
    private readonly LinkLayer[] _layers = [.. layers];

    public string Uri => host.Driver.Uri;

    public string HostName => host.Name;

    /// <summary>The host behind it.</summary>
    public LinkedHost Host => host;

    public ValueTask<T> SendAsync<T>(HostCall<T> call, CancellationToken cancellationToken) =>
        new Next(_layers, 0, driver: null).SendAsync(call, cancellationToken);

    public async IAsyncEnumerable<VMLifecycleEvent> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await host.Driver.OpenAsync(cancellationToken);
        var link = await host.Driver.CurrentAsync(cancellationToken);
        await foreach (var happened in link.WatchAsync(cancellationToken))
        {
            yield return happened;
        }
    }

    public ValueTask DisposeAsync() => host.Driver.DisposeAsync();
}
