using System.Runtime.InteropServices;
using System.Text;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;

namespace Kumoi.Hypervisors.Libvirt.Reading;

/// <summary>Reads what a host is and how busy it is. Its methods block.</summary>
internal sealed unsafe class HostReader(TimeProvider time, CpuSampler cpu)
{
    private static int _usualMemory; // how many counters of memory nodes have

    private string? _type;
    private Version? _version;

    /// <summary>The host's own name (libvirt-host: virConnectGetHostname).</summary>
    public static string ReadName(LibvirtConnection connection) =>
        NativeString.Take(NativeConnection.virConnectGetHostname(connection.Handle)) ?? throw connection.Failed("read the host's name");

    /// <summary>libvirt-host: virNodeGetInfo, virNodeGetMemoryStats, virNodeGetCPUStats.</summary>
    public HostReading Read(LibvirtConnection connection, string hostName, IReadOnlyList<VMReading>? vms)
    {
        var at = time.GetUtcNow();
        VirNodeInfo node;
        if (NativeNode.virNodeGetInfo(connection.Handle, &node) != 0)
        {
            throw connection.Failed("read the host");
        }

        ReadProduct(connection);
        var (memory, free) = ReadMemory(connection, (long)node.MemoryKib.Value * 1024);
        return new HostReading
        {
            CapturedAt = at,
            HostName = hostName,
            HypervisorType = _type ?? "",
            HypervisorVersion = _version,
            CpuModel = Encoding.UTF8.GetString(NativeString.InField(node.Model, 32)),
            CpuCount = (int)node.CpuCount,
            CpuRatio = cpu.Read(connection),
            MemoryBytes = memory,
            FreeMemoryBytes = free,
            VMs = vms,
        };
    }

    /// <summary>Free memory in bytes, including what caches would give back.</summary>
    public static long ReadFreeMemory(LibvirtConnection connection) => ReadMemory(connection, 0).Free;

    // Neither changes while a daemon runs, so they are asked for once.
    private void ReadProduct(LibvirtConnection connection)
    {
        if (_type is not null)
        {
            return;
        }

        CULong number;
        if (NativeConnection.virConnectGetVersion(connection.Handle, &number) == 0)
        {
            _version = HostIdentity.Unpack(number);
        }

        _type = Marshal.PtrToStringUTF8((nint)NativeConnection.virConnectGetType(connection.Handle));
    }

    /// <summary>Both from the same source where there is one: the two of libvirt need not agree, in a container for example.</summary>
    private static (long Total, long Free) ReadMemory(LibvirtConnection connection, long nodeBytes)
    {
        if (NodeStats.Read(connection, NativeNode.virNodeGetMemoryStats, NativeNode.AllCells, ref _usualMemory) is not { } stats)
        {
            return (nodeBytes, (long)NativeNode.virNodeGetFreeMemory(connection.Handle));
        }

        var totalKib = (ulong)nodeBytes / 1024;
        ulong freeKib = 0;
        foreach (var (name, value) in stats)
        {
            if (name is "total")
            {
                totalKib = value;
            }
            else if (name is "free" or "buffers" or "cached")
            {
                freeKib += value;
            }
        }

        return ((long)totalKib * 1024, (long)freeKib * 1024);
    }
}
