using System.Runtime.InteropServices;

namespace Kumoi.Hypervisors.Libvirt.Native;

/// <summary>virNetworkDHCPLease. The time is in seconds since 1970; 0: never.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct VirNetworkDhcpLease
{
    public byte* Interface;
    public long ExpiryTime;
    public int AddressType;
    public byte* Mac;
    public byte* InterfaceId;
    public byte* Address;
    public uint Prefix;
    public byte* HostName;
    public byte* ClientId;
}
