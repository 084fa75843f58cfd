using System.Runtime.InteropServices;

namespace Kumoi.Hypervisors.Libvirt.Native;

/// <summary>libvirt-host: virNodeCPUStats and virNodeMemoryStats, which have the same layout.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct VirNodeStat
{
    public fixed byte Field[80];
    public ulong Value;
}
