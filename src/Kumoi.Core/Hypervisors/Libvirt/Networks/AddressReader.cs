using System.Runtime.InteropServices;
using System.Xml.Linq;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;
using Kumoi.Hypervisors.Libvirt.Power;

namespace Kumoi.Hypervisors.Libvirt.Networks;

/// <summary>Reads the network adapters of the VMs of one host, with the addresses that are known of them. Its methods block.</summary>
internal sealed unsafe class AddressReader
{
    private const uint Leases = 0; // VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE
    private const uint Agent = 1; // VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT
    private const uint Neighbours = 2; // VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_ARP

    private int _isAgentAsked;

    /// <summary>
    /// Of each adapter the addresses that the first source tells: leases, then the guest's agent where it is connected, then neighbours.
    /// </summary>
    public IReadOnlyList<AdapterReading> ReadAdapters(LibvirtConnection connection, DomainHandle domain, AddressSources sources)
    {
        var xml = DomainDefinition.Parse(DomainCalls.ReadXml(connection, domain));
        List<AdapterReading> adapters = [.. AdapterDefinition.Of(xml).Select(AdapterDefinition.Read)];
        if (sources is AddressSources.None)
        {
            return adapters;
        }

        Dictionary<string, List<string>> known = new(StringComparer.OrdinalIgnoreCase);
        var isOn = xml.Attribute("id") is not null;
        if (isOn && sources.HasFlag(AddressSources.Host))
        {
            Add(Leases);
        }

        if (isOn && IsAnyMissing() && sources.HasFlag(AddressSources.Guest) && GuestAgentDefinition.Read(xml) is GuestAgentState.Connected)
        {
            AskAgent();
        }

        if (isOn && IsAnyMissing() && sources.HasFlag(AddressSources.Host))
        {
            Add(Neighbours);
        }

        return [.. adapters.Select(adapter => adapter with { Addresses = known.GetValueOrDefault(adapter.MacAddress) ?? [] })];

        bool IsAnyMissing() => adapters.Exists(adapter => !known.ContainsKey(adapter.MacAddress));

        void AskAgent()
        {
            // An agent that does not answer takes five seconds: of the threads that read from this host it has one at most.
            if (Interlocked.Exchange(ref _isAgentAsked, 1) != 0)
            {
                return;
            }

            try
            {
                Add(Agent);
            }
            finally
            {
                Volatile.Write(ref _isAgentAsked, 0);
            }
        }

        void Add(uint source)
        {
            foreach (var (mac, addresses) in Read(connection, domain, source))
            {
                known.TryAdd(mac, addresses);
            }
        }
    }

    /// <summary>
    /// virDomainInterfaceAddresses. A source that tells nothing is none: the network is gone, the driver has no such source, the agent is
    /// silent.
    /// </summary>
    private static Dictionary<string, List<string>> Read(LibvirtConnection connection, DomainHandle domain, uint source)
    {
        VirDomainInterface** interfaces = null;
        var count = NativeNetwork.virDomainInterfaceAddresses(domain, &interfaces, source, 0);
        if (count < 0)
        {
            var failure = NativeError.Last();
            return connection.Loss is null
                ? [] : throw connection.ToException(failure, $"read the addresses of VM '{domain.Name}'", CallKind.Read);
        }

        Dictionary<string, List<string>> found = new(StringComparer.OrdinalIgnoreCase);
        for (var i = 0; i < count; i++)
        {
            // Aliases such as eth0:1 are interfaces of their own with the same MAC address.
            var mac = Marshal.PtrToStringUTF8((nint)interfaces[i]->HardwareAddress) ?? "";
            foreach (var address in Addresses(interfaces[i]))
            {
                if (!found.TryGetValue(mac, out var addresses))
                {
                    found[mac] = addresses = [];
                }

                if (!addresses.Contains(address))
                {
                    addresses.Add(address);
                }
            }

            NativeNetwork.virDomainInterfaceFree(interfaces[i]);
        }

        NativeTypedParameters.Free(interfaces);
        return found;
    }

    private static List<string> Addresses(VirDomainInterface* one)
    {
        List<string> addresses = [];
        for (var i = 0; i < one->AddressCount; i++)
        {
            if (GuestAddress.Reachable(Marshal.PtrToStringUTF8((nint)one->Addresses[i].Address)) is { } address)
            {
                addresses.Add(address);
            }
        }

        return addresses;
    }
}
