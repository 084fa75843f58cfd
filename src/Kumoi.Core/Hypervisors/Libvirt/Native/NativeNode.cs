using System.Runtime.InteropServices;

namespace Kumoi.Hypervisors.Libvirt.Native;

/// <summary>libvirt-host: what a node is and how busy it is.</summary>
internal static unsafe partial class NativeNode
{
    public const int AllCpus = -1;
    public const int AllCells = -1;

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virNodeGetInfo(ConnectionHandle connection, VirNodeInfo* info);

    /// <summary>Asked with a count of 0 it only tells the count; then it wants exactly that many. Nanoseconds since boot.</summary>
    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virNodeGetCPUStats(ConnectionHandle connection, int cpu, VirNodeStat* stats, int* count, uint flags);

    /// <summary>Like <see cref="virNodeGetCPUStats"/>, in KiB.</summary>
    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virNodeGetMemoryStats(ConnectionHandle connection, int cell, VirNodeStat* stats, int* count, uint flags);

    /// <summary>Bytes; 0 on failure.</summary>
    [LibraryImport(LibvirtLibrary.Name)]
    public static partial ulong virNodeGetFreeMemory(ConnectionHandle connection);
}
