using System.Runtime.InteropServices;

namespace Kumoi.Hypervisors.Libvirt.Native;

/// <summary>libvirt-virterror: virError. Only its beginning is read; it is never allocated here.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct VirError
{
    public int Code;
    public int Domain;
    public byte* Message;
    public int Level;
    public nint Connection;
    public nint DomainObject;
    public byte* Text1;
    public byte* Text2;
    public byte* Text3;

    /// <summary>The system's errno with VIR_ERR_SYSTEM_ERROR.</summary>
    public int Int1;
}
