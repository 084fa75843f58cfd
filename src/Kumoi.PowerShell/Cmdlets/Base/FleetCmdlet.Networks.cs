using Kumoi.Fleets;
using Kumoi.Hypervisors;

namespace Kumoi.PowerShell.Cmdlets.Base;

/// <content>Finds networks by their names, and network adapters by their addresses, all hosts at once.</content>
public abstract partial class FleetCmdlet
{
    /// <summary>
    /// The network adapters of VMs; with addresses those that have one of them. A VM that could not be read, or has no adapter with an
    /// address, is an error each.
    /// </summary>
    private protected IEnumerable<KumoiNetworkAdapter> FindAdapters(
        IReadOnlyList<KumoiVM> vms, IReadOnlyList<string> addresses, AddressSources sources = AddressSources.None) => Find(
        vms, static vm => vm.Connection, (vm, token) => VMAdapters.ReadAsync(vm, sources, token), static adapter => adapter.MacAddress,
        addresses,
        static (vm, address) => Errors.NotFound(
            $"'{vm.Name}' on {vm.VMHost} has no network adapter '{address}'.", address,
            $"Get-KumoiNetworkAdapter '{vm.Name}' lists its adapters."));

    /// <summary>
    /// The virtual networks of hosts, by their names. A host that could not be read is an error each; so is one that has none of a name, or,
    /// with <paramref name="anywhere"/>, a name that none has.
    /// </summary>
    private protected IEnumerable<KumoiNetwork> FindNetworks(
        IReadOnlyList<KumoiConnection> hosts, IReadOnlyList<string> names, bool anywhere = false) => Find(
        hosts, static host => host, HostNetworks.ReadAsync, static network => network.Name, names,
        static (host, name) => Errors.NotFound(
            $"{host.Name} has no network '{name}'.", name, $"Get-KumoiNetwork -VMHost {host.Name} lists its networks."), anywhere);

    /// <summary>The filters of hosts for the packets of network adapters, by their names.</summary>
    private protected IEnumerable<KumoiNetworkFilter> FindFilters(
        IReadOnlyList<KumoiConnection> hosts, IReadOnlyList<string> names) => Find(
        hosts, static host => host, HostNetworks.ReadFiltersAsync, static filter => filter.Name, names,
        static (host, name) => Errors.NotFound(
            $"{host.Name} has no network filter '{name}'.", name, $"Get-KumoiNetworkFilter -VMHost {host.Name} lists its filters."),
        anywhere: true);

    /// <summary>The addresses that the DHCP of networks has given away, by the addresses of network adapters.</summary>
    private protected IEnumerable<KumoiDhcpLease> FindLeases(IReadOnlyList<KumoiNetwork> networks, IReadOnlyList<string> macs) => Find(
        networks, static network => network.Connection, HostNetworks.ReadLeasesAsync, static lease => lease.MacAddress, macs,
        static (network, mac) => Errors.NotFound(
            $"The network '{network.Name}' of {network.VMHost} has given no address to '{mac}'.", mac,
            "Get-KumoiDhcpLease lists the addresses that are given away."), anywhere: true);
}
