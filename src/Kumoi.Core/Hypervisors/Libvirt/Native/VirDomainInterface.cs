using System.Runtime.InteropServices;

namespace Kumoi.Hypervisors.Libvirt.Native;

/// <summary>virDomainInterface: a network interface as a guest, or its host, calls it, and its addresses.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct VirDomainInterface
{
    public byte* Name;

    /// <summary>The MAC address; null: it has none.</summary>
    public byte* HardwareAddress;

    public uint AddressCount;
    public VirDomainIPAddress* Addresses;
}
