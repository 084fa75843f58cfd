using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Simulated.Hosts;

namespace Kumoi.Hypervisors.Simulated.Networks;

/// <summary>
/// Calls on virtual networks. Each simulated host begins with one, <c>default</c>. Adapters may be in networks that are not there.
/// </summary>
internal static class NetworkCalls
{
    /// <summary>Some of those that libvirt brings along.</summary>
    private static readonly IReadOnlyList<NetworkFilterReading> Filters =
    [
        .. ((string[])
        [
            "<filter name='allow-dhcp' chain='ipv4'><rule action='accept' direction='out'><udp dstportstart='67'/></rule>"
                + "<rule action='accept' direction='in'><udp srcportstart='67'/></rule></filter>",
            "<filter name='clean-traffic' chain='root'><filterref filter='no-mac-spoofing'/><filterref filter='allow-dhcp'/></filter>",
            "<filter name='no-mac-spoofing' chain='mac'><rule action='return' direction='out'><mac srcmacaddr='$MAC'/></rule>"
                + "<rule action='drop' direction='out'><mac/></rule></filter>",
        ]).Select(static xml => NetworkFilterReading.Parse(xml)!),
    ];

    public static void AddTo(CallTable<SimulatedLink> calls) => calls
        .Add(static (SimulatedLink link, ReadNetworks _, CancellationToken token) => link.Call(() => Read(link), token))
        .Add(static (SimulatedLink link, ReadNetworkFilters _, CancellationToken token) => link.Call(static () => Filters, token))
        .Add(static (SimulatedLink link, ReadLeases call, CancellationToken token) => link.Call(() => ReadLeases(link, call), token))
        .Add(static (SimulatedLink link, CreateNetwork call, CancellationToken token) => link.Call(() => Create(link, call.Network), token))
        .Add(static (SimulatedLink link, StartNetwork call, CancellationToken token) => link.Call(() => Start(link, call), token))
        .Add(static (SimulatedLink link, StopNetwork call, CancellationToken token) => link.Call(() => Stop(link, call), token))
        .Add(static (SimulatedLink link, RemoveNetwork call, CancellationToken token) => link.Call(() => Remove(link, call), token))
        .Add(static (SimulatedLink link, SetNetworkAutostart call, CancellationToken token) => link.Call(() => Set(link, call), token));

    private static IReadOnlyList<NetworkReading> Read(SimulatedLink link) =>
        [.. link.Host.Networks.Select(static network => network.Reading)];

    private static IReadOnlyList<DhcpLeaseReading> ReadLeases(SimulatedLink link, ReadLeases call)
    {
        var network = Get(link, call.Id, call.NetworkName).Reading;
        if (!network.IsActive)
        {
            throw NetworkDefinition.NotActive(link.HostName, network.Name);
        }

        return [.. SimulatedGuest.Leases(link.Host, network, link.Now)];
    }

    private static NetworkReading Create(SimulatedLink link, NetworkSpec spec)
    {
        NetworkDefinition.EnsureFree(link.HostName, spec, Read(link));
        var made = new SimulatedNetwork(NetworkDefinition.Read(NetworkDefinition.Build(spec).ToString())! with
        {
            Id = Guid.NewGuid(),
            Bridge = spec.Bridge ?? FreeBridge(link),
            IsActive = spec.IsStarted,
            IsAutostart = spec.IsAutostart,
        });
        link.Host.Networks.Add(made);
        return made.Reading;
    }

    private static NetworkReading Start(SimulatedLink link, StartNetwork call)
    {
        var network = Get(link, call.Id, call.NetworkName);
        return network.Reading = network.Reading with { IsActive = true };
    }

    private static NetworkReading Stop(SimulatedLink link, StopNetwork call)
    {
        var network = Get(link, call.Id, call.NetworkName);
        if (network.Reading.IsActive)
        {
            EnsureUnused(link, network, static vm => vm.State is not PowerState.Shutoff);
        }

        return network.Reading = network.Reading with { IsActive = false };
    }

    private static Done Remove(SimulatedLink link, RemoveNetwork call)
    {
        if (link.Host.Networks.Find(network => network.Reading.Id == call.Id) is { } network)
        {
            EnsureUnused(link, network, static _ => true);
            link.Host.Networks.Remove(network);
        }

        return default;
    }

    private static NetworkReading Set(SimulatedLink link, SetNetworkAutostart call)
    {
        var network = Get(link, call.Id, call.NetworkName);
        return network.Reading = network.Reading with { IsAutostart = call.IsOn };
    }

    private static SimulatedNetwork Get(SimulatedLink link, Guid id, string name) =>
        link.Host.Networks.Find(network => network.Reading.Id == id) ?? throw NetworkDefinition.IsGone(link.HostName, name);

    private static void EnsureUnused(SimulatedLink link, SimulatedNetwork network, Func<SimulatedVM, bool> counts)
    {
        var name = network.Reading.Name;
        var user = link.Host.VMs.Values.FirstOrDefault(
            vm => vm.Definition is not null && counts(vm) && NetworkDefinition.IsUsedBy(name, vm.Definition));
        if (user is not null)
        {
            throw NetworkDefinition.InUse(link.HostName, name, user.Name);
        }
    }

    private static string FreeBridge(SimulatedLink link) => Enumerable.Range(0, link.Host.Networks.Count + 1)
        .Select(static number => FormattableString.Invariant($"virbr{number}"))
        .First(name => link.Host.Networks.TrueForAll(network => network.Reading.Bridge != name));
}
