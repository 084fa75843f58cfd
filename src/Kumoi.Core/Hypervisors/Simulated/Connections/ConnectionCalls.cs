using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Simulated.Hosts;

namespace Kumoi.Hypervisors.Simulated.Connections;

/// <summary>Calls about the connection and the host behind it.</summary>
internal static class ConnectionCalls
{
    public static void AddTo(CallTable<SimulatedLink> calls) =>
        // The URI names the fleet and the host.
        calls.Add(static (SimulatedLink link, ReadHostId _, CancellationToken token) => link.Call(() => link.Uri, token));
}
