using System.Xml.Linq;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Definitions;
using Kumoi.Hypervisors.Libvirt.Native;
using Kumoi.Hypervisors.Libvirt.Power;
using static Kumoi.Hypervisors.Libvirt.Definitions.DeviceChange;

namespace Kumoi.Hypervisors.Libvirt.Networks;

/// <summary>Changes the network adapters of VMs (libvirt-domain). Its methods block.</summary>
internal static class AdapterChanges
{
    /// <summary>virDomainAttachDeviceFlags: now and in the definition, or neither.</summary>
    public static AdapterReading Add(LibvirtConnection connection, AddAdapter call)
    {
        using var domain = connection.GetDomain(call.Id);
        var (now, definition) = ReadBoth(connection, domain);
        if (new[] { now, definition }.OfType<XElement>().Any(one => AdapterDefinition.Find(one, call.MacAddress) is not null))
        {
            throw AdapterDefinition.Exists(domain.Name, call.MacAddress);
        }

        EnsureNetwork(connection, call.Adapter.Network);
        connection.Change(
            NativeDomain.virDomainAttachDeviceFlags(
                domain, AdapterDefinition.Build(call.MacAddress, call.Adapter, call.Model).ToString(), Impact(now, definition)),
            $"add a network adapter to VM '{domain.Name}'");
        return ReadAgain(connection, domain, call.MacAddress);
    }

    /// <summary>
    /// virDomainUpdateDeviceFlags, first in the definition, which is easily put back: what the guest sees now and what is defined may
    /// differ
    /// in all that is not changed.
    /// </summary>
    public static AdapterReading Set(LibvirtConnection connection, SetAdapter call)
    {
        using var domain = connection.GetDomain(call.Id);
        var (now, definition) = ReadBoth(connection, domain);
        var live = now is null ? null : AdapterDefinition.Find(now, call.MacAddress);
        var defined = definition is null ? null : AdapterDefinition.Find(definition, call.MacAddress);
        if ((now is not null ? live : defined) is null)
        {
            throw AdapterDefinition.NoAdapter(domain.Name, call.MacAddress);
        }

        EnsureNetwork(connection, call.Settings.Network);
        if (defined is not null)
        {
            Update(AdapterDefinition.With(defined, call.Settings), InDefinition);
        }

        try
        {
            if (live is not null)
            {
                Update(AdapterDefinition.With(live, call.Settings), Now);
            }
        }
        catch (HypervisorException e) when (defined is not null && !e.OutcomeUnknown)
        {
            Update(defined, InDefinition);
            throw;
        }

        return ReadAgain(connection, domain, call.MacAddress);

        void Update(XElement adapter, uint impact) => connection.Change(
            NativeDomain.virDomainUpdateDeviceFlags(domain, adapter.ToString(), impact),
            $"change the network adapter '{call.MacAddress}' of VM '{domain.Name}'");
    }

    /// <summary>
    /// virDomainDetachDeviceFlags: first from the guest, and from the definition only when it has let go. A cancellation ends the waiting.
    /// </summary>
    public static Done Remove(LibvirtConnection connection, RemoveAdapter call, CancellationToken cancellationToken)
    {
        using var domain = connection.GetDomain(call.Id);
        var (now, definition) = ReadBoth(connection, domain);
        var action = $"remove the network adapter '{call.MacAddress}' from VM '{domain.Name}'";
        if (now is not null && AdapterDefinition.Find(now, call.MacAddress) is { } live)
        {
            connection.Change(NativeDomain.virDomainDetachDeviceFlags(domain, live.ToString(), Now), action);
            WaitUntilGone(
                connection, domain, $"the network adapter '{call.MacAddress}'", xml => AdapterDefinition.Find(xml, call.MacAddress),
                "It may let go later: look with Get-KumoiNetworkAdapter, and remove it again. Or stop the VM, and remove it then.",
                cancellationToken);
        }

        if (definition is not null && AdapterDefinition.Find(definition, call.MacAddress) is { } defined)
        {
            connection.Change(NativeDomain.virDomainDetachDeviceFlags(domain, defined.ToString(), InDefinition), action);
        }

        return default;
    }

    private static AdapterReading ReadAgain(LibvirtConnection connection, DomainHandle domain, string mac) => AdapterDefinition.Read(
        AdapterDefinition.Find(DomainDefinition.Parse(DomainCalls.ReadXml(connection, domain)), mac)
            ?? throw AdapterDefinition.NoAdapter(domain.Name, mac));

    /// <summary>libvirt takes any name for a VM that is off, and then cannot start it.</summary>
    private static void EnsureNetwork(LibvirtConnection connection, string? name)
    {
        if (name is null)
        {
            return;
        }

        var network = NativeNetwork.virNetworkLookupByName(connection.Handle, name);
        if (network == 0)
        {
            throw connection.Failed($"use the network '{name}'", CallKind.Read);
        }

        _ = NativeNetwork.virNetworkFree(network);
    }
}
