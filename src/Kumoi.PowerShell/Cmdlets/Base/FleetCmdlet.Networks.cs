using Kumoi.Fleets;

namespace Kumoi.PowerShell.Cmdlets.Base;

/// <content>Finds network adapters by their addresses, all hosts at once.</content>
public abstract partial class FleetCmdlet
{
    /// <summary>
    /// The network adapters of VMs; with addresses those that have one of them. A VM that could not be read, or has no adapter with an
    /// address, is an error each.
    /// </summary>
    private protected IEnumerable<KumoiNetworkAdapter> FindAdapters(IReadOnlyList<KumoiVM> vms, IReadOnlyList<string> addresses) => Find(
        vms, VMAdapters.ReadAsync, static adapter => adapter.MacAddress, addresses,
        static (vm, address) => Errors.NotFound(
            $"'{vm.Name}' on {vm.VMHost} has no network adapter '{address}'.", address,
            $"Get-KumoiNetworkAdapter '{vm.Name}' lists its adapters."));
}
