using System.Runtime.InteropServices;

namespace Kumoi.Hypervisors.Libvirt.Native;

/// <summary>libvirt-domain: virDomainInfo. Memory in KiB, CPU time in nanoseconds.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct VirDomainInfo
{
    public byte State;
    public CULong MaxMemoryKib;
    public CULong MemoryKib;
    public ushort CpuCount;
    public ulong CpuTimeNanoseconds;
}
