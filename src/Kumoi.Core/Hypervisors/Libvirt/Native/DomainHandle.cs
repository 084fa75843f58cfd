using System.Runtime.InteropServices;

namespace Kumoi.Hypervisors.Libvirt.Native;

/// <summary>A virDomainPtr. Its name and id are in the object itself; reading them asks nobody.</summary>
internal sealed unsafe class DomainHandle(nint pointer, ConnectionHandle connection) : ChildHandle(pointer, connection)
{
    public string Name { get; } = Marshal.PtrToStringUTF8((nint)NativeDomain.virDomainGetName(pointer)) ?? "";

    /// <summary>Which run of the VM was looked up; uint.MaxValue for one that was off.</summary>
    public uint RunNumber { get; } = NativeDomain.virDomainGetID(pointer);

    protected override int Free(nint pointer) => NativeDomain.virDomainFree(pointer);
}
