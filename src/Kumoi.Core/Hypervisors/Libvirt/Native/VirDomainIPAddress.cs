using System.Runtime.InteropServices;

namespace Kumoi.Hypervisors.Libvirt.Native;

/// <summary>virDomainIPAddress. The type is 0 for IPv4, 1 for IPv6.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct VirDomainIPAddress
{
    public int Type;
    public byte* Address;
    public uint Prefix;
}
