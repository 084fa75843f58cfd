using System.Runtime.InteropServices;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;

namespace Kumoi.Hypervisors.Libvirt.Networks;

/// <summary>Reads virtual networks (libvirt-network). Its methods block.</summary>
internal static unsafe class NetworkReader
{
    /// <summary>virConnectListAllNetworks, and the XML of each. None, where the host has no network driver.</summary>
    public static IReadOnlyList<NetworkReading> Read(LibvirtConnection connection)
    {
        nint* pointers = null;
        var count = NativeNetwork.virConnectListAllNetworks(connection.Handle, &pointers, 0);
        if (count < 0)
        {
            var failure = NativeError.Last();
            return failure.Code is LibvirtCode.NoSupport && connection.Loss is null
                ? [] : throw connection.ToException(failure, "list the networks", CallKind.Read);
        }

        using var networks = new HandleList<NetworkHandle>();
        for (var i = 0; i < count; i++)
        {
            networks.Add(new NetworkHandle(pointers[i], connection.Handle));
        }

        NativeTypedParameters.Free(pointers);
        List<NetworkReading> readings = [];
        foreach (var network in networks)
        {
            if (Read(connection, network) is { } reading)
            {
                readings.Add(reading);
            }
        }

        return readings;
    }

    /// <summary>Null: it was removed meanwhile.</summary>
    public static NetworkReading? Read(LibvirtConnection connection, NetworkHandle network)
    {
        var reading = NativeString.Take(NativeNetwork.virNetworkGetXMLDesc(network, 0)) is { } xml ? NetworkDefinition.Read(xml) : null;
        int isAutostart;
        reading = reading is null ? null : reading with
        {
            IsActive = NativeNetwork.virNetworkIsActive(network) == 1,
            IsAutostart = NativeNetwork.virNetworkGetAutostart(network, &isAutostart) == 0 && isAutostart != 0,
        };
        connection.EnsureWhole("read a network");
        return reading;
    }

    /// <summary>virNetworkGetDHCPLeases.</summary>
    public static IReadOnlyList<DhcpLeaseReading> ReadLeases(LibvirtConnection connection, ReadLeases call)
    {
        using var network = NetworkChanges.Get(connection, call.Id, call.NetworkName);
        if (NativeNetwork.virNetworkIsActive(network) != 1)
        {
            throw NetworkDefinition.NotActive(connection.Label, call.NetworkName);
        }

        VirNetworkDhcpLease** leases = null;
        var count = NativeNetwork.virNetworkGetDHCPLeases(network, null, &leases, 0);
        if (count < 0)
        {
            throw connection.Failed($"read the leases of the network '{call.NetworkName}'");
        }

        List<DhcpLeaseReading> readings = [];
        for (var i = 0; i < count; i++)
        {
            readings.Add(Read(leases[i]));
            NativeNetwork.virNetworkDHCPLeaseFree(leases[i]);
        }

        NativeTypedParameters.Free(leases);
        return readings;
    }

    private static DhcpLeaseReading Read(VirNetworkDhcpLease* lease) => new()
    {
        Address = Marshal.PtrToStringUTF8((nint)lease->Address) ?? "",
        PrefixLength = (int)lease->Prefix,
        MacAddress = (Marshal.PtrToStringUTF8((nint)lease->Mac) ?? "").ToLowerInvariant(),
        HostName = Marshal.PtrToStringUTF8((nint)lease->HostName),
        ExpiresAt = lease->ExpiryTime > 0 ? DateTimeOffset.FromUnixTimeSeconds(lease->ExpiryTime) : null,
    };
}
