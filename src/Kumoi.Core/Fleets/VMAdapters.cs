using System.Globalization;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.Fleets;

/// <summary>What can be done with the network adapters of VMs.</summary>
public static class VMAdapters
{
    private const int MacBytes = 6;
    private const int LargestVlan = 4094;

    /// <summary>The network adapters of a VM, as they are now; of a VM that is off, as they will be.</summary>
    public static Task<IReadOnlyList<KumoiNetworkAdapter>> ReadAsync(KumoiVM vm, CancellationToken cancellationToken) =>
        ReadAsync(vm, AddressSources.None, cancellationToken);

    /// <inheritdoc cref="ReadAsync(KumoiVM, CancellationToken)"/>
    public static async Task<IReadOnlyList<KumoiNetworkAdapter>> ReadAsync(
        KumoiVM vm, AddressSources sources, CancellationToken cancellationToken)
    {
        var readings = await vm.Connection.Link.SendAsync(new ReadAdapters(vm.Id, sources), cancellationToken);
        var now = DateTimeOffset.UtcNow;
        return [.. readings.Select(reading => new KumoiNetworkAdapter(vm, reading, now))];
    }

    /// <summary>Gives a VM a network adapter: at once if it is not off, and in its definition.</summary>
    /// <param name="vm">The VM.</param>
    /// <param name="settings">Its network or its bridge is named.</param>
    /// <param name="model">What the guest sees, as libvirt names it, such as <c>virtio</c>.</param>
    /// <param name="macAddress">Null: one of QEMU's own range (52:54:00) is drawn.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <exception cref="HypervisorException">
    /// InvalidSpecification: names or numbers cannot be such. InvalidState: a VM of the host has an adapter with that address.
    /// </exception>
    public static async Task<KumoiNetworkAdapter> AddAsync(
        KumoiVM vm, AdapterSettings settings, string model, string? macAddress, CancellationToken cancellationToken)
    {
        if (settings is { Network: null, Bridge: null })
        {
            throw Invalid("An adapter is connected to a network of libvirt, or to a bridge of the host.", "Name one of them.");
        }

        Ensure(settings);
        await EnsureFilterAsync(vm.Connection, settings.Filter, cancellationToken);
        VMSpecCheck.EnsureName(model, "adapter model");
        var mac = macAddress is null ? AdapterDefinition.DrawMac() : Normalize(macAddress);
        if (macAddress is not null)
        {
            await EnsureIsFreeAsync(vm, mac, cancellationToken);
        }

        var reading = await vm.Connection.Link.SendAsync(new AddAdapter(vm.Id, mac, settings, model), cancellationToken);
        return new KumoiNetworkAdapter(vm, reading, DateTimeOffset.UtcNow);
    }

    /// <summary>Two VMs of one address get each other's packets, and libvirt does not mind.</summary>
    private static async Task EnsureIsFreeAsync(KumoiVM vm, string mac, CancellationToken cancellationToken)
    {
        foreach (var other in await FleetReads.ReadVMsAsync(
            vm.Connection, other => other.Id != vm.Id, includeXml: true, withTemplates: false, cancellationToken))
        {
            if (other.Xml is { Length: > 0 } xml && AdapterDefinition.Find(DomainDefinition.Parse(xml), mac) is not null)
            {
                throw new HypervisorException(
                    $"'{other.Name}' on {other.VMHost} has the MAC address {mac} already.", FaultDomain.VM,
                    error: HypervisorError.InvalidState,
                    recommendedAction: "Leave out -MacAddress, and one that is free is drawn; or give another one.");
            }
        }
    }

    /// <summary>Changes a network adapter: at once if its VM is not off, and in the VM's definition. What is not said stays.</summary>
    /// <exception cref="HypervisorException">InvalidSpecification: names or numbers cannot be such. AdapterNotFound: it is
    /// gone.</exception>
    public static async Task<KumoiNetworkAdapter> SetAsync(
        KumoiNetworkAdapter adapter, AdapterSettings settings, CancellationToken cancellationToken)
    {
        Ensure(settings);
        await EnsureFilterAsync(adapter.Of.Connection, settings.Filter, cancellationToken);
        var reading = await adapter.Of.Connection.Link.SendAsync(
            new SetAdapter(adapter.Of.Id, adapter.MacAddress, settings), cancellationToken);
        return new KumoiNetworkAdapter(adapter.Of, reading, DateTimeOffset.UtcNow);
    }

    /// <summary>Takes a network adapter away from its VM. The guest of a VM that runs must let go of it.</summary>
    public static async Task RemoveAsync(KumoiNetworkAdapter adapter, CancellationToken cancellationToken) =>
        await adapter.Of.Connection.Link.SendAsync(new RemoveAdapter(adapter.Of.Id, adapter.MacAddress), cancellationToken);

    /// <summary>A MAC address in the form of <see cref="KumoiNetworkAdapter.MacAddress"/>.</summary>
    /// <exception cref="HypervisorException">InvalidSpecification: it is none, or not that of one adapter.</exception>
    public static string Normalize(string macAddress)
    {
        var parts = macAddress.Split(':', '-');
        var bytes = new byte[MacBytes];
        for (var i = 0; i < parts.Length; i++)
        {
            if (parts.Length != MacBytes || parts[i].Length != 2
                || !byte.TryParse(parts[i], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out bytes[i]))
            {
                throw Invalid($"'{Visible.Text(macAddress)}' is no MAC address.", "Give it as 52:54:00:12:34:56.");
            }
        }

        return (bytes[0] & 1) == 0 && bytes.Any(static one => one != 0)
            ? Text(bytes)
            : throw Invalid(
                $"'{macAddress}' is the MAC address of a group, not of an adapter.",
                "Give one whose first byte is even, such as 52:54:00:12:34:56.");
    }

    /// <summary>Of a filter that is not there a host says nothing before the VM starts, which it does not then.</summary>
    private static async Task EnsureFilterAsync(KumoiConnection host, string? filter, CancellationToken cancellationToken)
    {
        if (filter is { Length: > 0 }
            && (await host.Link.SendAsync(new ReadNetworkFilters(), cancellationToken)).All(one => one.Name != filter))
        {
            throw Invalid($"{host.Name} has no network filter '{Visible.Text(filter)}'.", "Get-KumoiNetworkFilter lists them.");
        }
    }

    private static void Ensure(AdapterSettings settings)
    {
        if (settings is { Network: not null, Bridge: not null })
        {
            throw Invalid("An adapter is connected to a network, or to a bridge, not to both.", "Name one of them.");
        }

        foreach (var (name, what) in new[] { (settings.Network, "network"), (settings.Bridge, "bridge") })
        {
            if (name is not null)
            {
                VMSpecCheck.EnsureName(name, what);
            }
        }

        if (settings.Vlan is < 0 or > LargestVlan)
        {
            throw Invalid($"There is no VLAN {settings.Vlan}.", $"Give one from 1 to {LargestVlan}, or 0 for none.");
        }

        if (settings.InboundKiBPerSec is < 0 or > int.MaxValue || settings.OutboundKiBPerSec is < 0 or > int.MaxValue)
        {
            throw Invalid("A rate must not be below 0, or above 2 TiB/s.", "Give KiB per second, or 0 for no limit.");
        }
    }

    private static string Text(byte[] bytes) =>
        string.Join(':', bytes.Select(static one => one.ToString("x2", CultureInfo.InvariantCulture)));

    private static HypervisorException Invalid(string message, string action) =>
        new(message, FaultDomain.VM, error: HypervisorError.InvalidSpecification, recommendedAction: action);
}
