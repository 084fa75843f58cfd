using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;

namespace Kumoi.Hypervisors.Libvirt.Networks;

/// <summary>Reads filters for the packets of network adapters (libvirt-nwfilter). Its methods block.</summary>
internal static unsafe class NetworkFilterReader
{
    /// <summary>virConnectListAllNWFilters, and the XML of each. None, where the host has no such driver.</summary>
    public static IReadOnlyList<NetworkFilterReading> Read(LibvirtConnection connection)
    {
        nint* pointers = null;
        var count = NativeNetwork.virConnectListAllNWFilters(connection.Handle, &pointers, 0);
        if (count < 0)
        {
            var failure = NativeError.Last();
            return failure.Code is LibvirtCode.NoSupport && connection.Loss is null
                ? [] : throw connection.ToException(failure, "list the network filters", CallKind.Read);
        }

        List<NetworkFilterReading> readings = [];
        for (var i = 0; i < count; i++)
        {
            // One that was removed meanwhile has none.
            if (NativeString.Take(NativeNetwork.virNWFilterGetXMLDesc(pointers[i], 0)) is { } xml
                && NetworkFilterReading.Parse(xml) is { } reading)
            {
                readings.Add(reading);
            }

            _ = NativeNetwork.virNWFilterFree(pointers[i]);
        }

        NativeTypedParameters.Free(pointers);
        return readings;
    }
}
