using System.Globalization;
using System.Net;

namespace Kumoi.Hypervisors.Simulated.Hosts;

/// <summary>
/// What the guests of simulated VMs do by themselves. An adapter in a network with DHCP has its address as long as its VM is not off; in
/// whatever else it is, the guest has an address, and its agent, when it has run for two seconds.
/// </summary>
internal static class SimulatedGuest
{
    private static readonly TimeSpan BootTime = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan LeaseTime = TimeSpan.FromHours(1);

    public static GuestAgentState Agent(SimulatedVM vm, DateTimeOffset now) => GuestAgentDefinition.Read(vm.ToXml()) switch
    {
        GuestAgentState.None => GuestAgentState.None,
        _ when IsUp(vm, now) => GuestAgentState.Connected,
        _ => GuestAgentState.Disconnected,
    };

    public static IReadOnlyList<AdapterReading> Adapters(SimulatedLink link, SimulatedVM vm, AddressSources sources)
    {
        var adapters = AdapterDefinition.Of(vm.ToXml()).Select(AdapterDefinition.Read);
        return sources is AddressSources.None ? [.. adapters]
            : [.. adapters.Select(adapter => adapter with { Addresses = Addresses(link, vm, adapter, sources) })];
    }

    /// <summary>The addresses that an active network with DHCP has given away.</summary>
    public static IEnumerable<DhcpLeaseReading> Leases(SimulatedHost host, NetworkReading network, DateTimeOffset now)
    {
        if (network.DhcpRanges is not [var range, ..] || Subnet.Parse(network.Addresses[0]) is not var (_, subnet))
        {
            return [];
        }

        var first = IPAddress.Parse(range[..range.IndexOf('-', StringComparison.Ordinal)]);
        return host.VMs.Values.Where(static vm => vm.State is not PowerState.Shutoff && vm.Definition is not null)
            .SelectMany(static vm => AdapterDefinition.Of(vm.Definition!).Select(AdapterDefinition.Read)
                .Select(adapter => (vm, adapter)))
            .Where(one => one.adapter.Kind is AdapterKind.Network && one.adapter.Source == network.Name && one.adapter.IsConnected)
            .Select((one, index) => new DhcpLeaseReading
            {
                Address = Subnet.Plus(first, (uint)index).ToString(),
                PrefixLength = subnet.PrefixLength,
                MacAddress = one.adapter.MacAddress,
                HostName = one.vm.Name,
                ExpiresAt = now + LeaseTime,
            });
    }

    private static IReadOnlyList<string> Addresses(SimulatedLink link, SimulatedVM vm, AdapterReading adapter, AddressSources sources)
    {
        if (vm.State is PowerState.Shutoff || !adapter.IsConnected)
        {
            return [];
        }

        var networks = link.Host.Networks.Select(static network => network.Reading).Where(
            network => sources.HasFlag(AddressSources.Host) && network.IsActive && network.Name == adapter.Source
                && adapter.Kind is AdapterKind.Network);
        var lease = networks.SelectMany(network => Leases(link.Host, network, link.Now))
            .FirstOrDefault(lease => lease.MacAddress == adapter.MacAddress);
        var isSeen = sources.HasFlag(AddressSources.Host)
            || (sources.HasFlag(AddressSources.Guest) && Agent(vm, link.Now) is GuestAgentState.Connected);
        return lease is not null ? [lease.Address] : isSeen && IsUp(vm, link.Now) ? [OwnAddress(adapter.MacAddress)] : [];
    }

    private static bool IsUp(SimulatedVM vm, DateTimeOffset now) =>
        vm.State is PowerState.Running && vm.RunningTime(now) >= BootTime;

    /// <summary>The end of its MAC address, in 10.0.0.0/8: no network of simulated hosts begins with it.</summary>
    private static string OwnAddress(string mac) => "10." + string.Join(
        '.', mac.Split(':')[^3..].Select(static part => int.Parse(part, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture)));
}
