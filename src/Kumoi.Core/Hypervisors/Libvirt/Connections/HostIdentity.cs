using System.Runtime.InteropServices;
using Kumoi.Hypervisors.Libvirt.Native;

namespace Kumoi.Hypervisors.Libvirt.Connections;

/// <summary>What tells a host from others, and what it runs. Blocks.</summary>
/// <param name="Id">The host's UUID, by which libvirt itself refuses a migration to the same host.</param>
/// <param name="Type">Such as <c>QEMU</c>.</param>
/// <param name="Cpu">For virConnectCompareCPU; null where it is not known.</param>
/// <param name="Hypervisor">The version of the hypervisor; null where the driver does not tell.</param>
/// <param name="Libvirt">The version of libvirt's daemon.</param>
internal sealed record HostIdentity(string Id, string Type, string? Cpu, Version? Hypervisor, Version? Libvirt)
{
    /// <summary>
    /// libvirt-host: virConnectGetCapabilities (https://libvirt.org/formatcaps.html), virConnectGetVersion, virConnectGetLibVersion.
    /// </summary>
    public static unsafe HostIdentity Read(LibvirtConnection connection)
    {
        var capabilities = NativeString.Take(NativeConnection.virConnectGetCapabilities(connection.Handle))
            ?? throw connection.Failed("read the host's capabilities");
        var host = SafeXml.Parse(capabilities).Element("host");
        CULong version;
        var hypervisor = NativeConnection.virConnectGetVersion(connection.Handle, &version) == 0 ? Unpack(version) : null;
        var libvirt = NativeCapabilities.virConnectGetLibVersion(connection.Handle, &version) == 0 ? Unpack(version) : null;
        return new HostIdentity(
            (string?)host?.Element("uuid") ?? connection.Label,
            Marshal.PtrToStringUTF8((nint)NativeConnection.virConnectGetType(connection.Handle)) ?? "",
            host?.Element("cpu")?.ToString(),
            hypervisor,
            libvirt);
    }

    /// <summary>The host's UUID alone; null: its driver does not tell.</summary>
    public static unsafe string? ReadId(LibvirtConnection connection)
    {
        var capabilities = NativeString.Take(NativeConnection.virConnectGetCapabilities(connection.Handle))
            ?? throw connection.Failed("read the host's capabilities");
        return (string?)SafeXml.Parse(capabilities).Element("host")?.Element("uuid");
    }

    /// <summary>major * 1,000,000 + minor * 1,000 + release.</summary>
    public static Version? Unpack(CULong packed)
    {
        var number = (int)packed.Value;
        return number == 0 ? null : new Version(number / 1_000_000, number / 1_000 % 1_000, number % 1_000);
    }
}
