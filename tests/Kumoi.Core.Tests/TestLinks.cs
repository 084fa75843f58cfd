using Kumoi.Fleets.Links;
using Kumoi.Hypervisors;

namespace Kumoi.Tests;

/// <summary>Links with only some of a fleet's layers, and without retries, time-outs or limits.</summary>
internal static class TestLinks
{
    public static async Task<IHypervisorLink> OpenAsync(string name, Func<Task<IHypervisorLink>> open, Func<LinkedHost, LinkLayer> layer)
    {
        var slot = new DriverSlot("test:", name, new NoPolicy(), new CallThrottle(new SemaphoreSlim(1000), 1000, 1000), _ => open());
        await slot.OpenAsync(default);
        var host = new LinkedHost(name, name, isSimulated: true, slot);
        return new HostLink(host, [layer(host), new ResilienceLayer(slot)]);
    }

    private sealed class NoPolicy : ICallPolicy
    {
        public Task RunAsync(PolicyCall call, CancellationToken cancellationToken) => call.TryAsync(cancellationToken);
    }
}
