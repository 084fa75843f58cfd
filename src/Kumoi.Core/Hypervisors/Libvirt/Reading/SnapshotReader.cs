using System.Xml.Linq;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;

namespace Kumoi.Hypervisors.Libvirt.Reading;

/// <summary>Reads the snapshots of VMs (libvirt-domain-snapshot). Its methods block.</summary>
internal static unsafe class SnapshotReader
{
    private const uint Secure = 1; // VIR_DOMAIN_SNAPSHOT_XML_SECURE

    /// <summary>None, where the driver has no such thing.</summary>
    public static IReadOnlyList<SnapshotReading> Read(LibvirtConnection connection, DomainHandle domain)
    {
        List<SnapshotReading> readings = [];
        using var snapshots = List(connection, domain);
        foreach (var snapshot in snapshots)
        {
            // One that was removed meanwhile is none.
            if (NativeString.Take(NativeSnapshot.virDomainSnapshotGetXMLDesc(snapshot, 0)) is { } xml)
            {
                readings.Add(SnapshotDefinition.Read(SnapshotDefinition.Parse(xml), IsCurrent(snapshot)));
            }
            else if (NativeError.Last() is { Code: not LibvirtCode.NoSnapshot } failure)
            {
                throw connection.ToException(failure, $"read the snapshots of VM '{domain.Name}'", CallKind.Read);
            }
        }

        return readings;
    }

    /// <summary>The XML of each, without secrets.</summary>
    public static List<XElement> ReadXml(LibvirtConnection connection, DomainHandle domain)
    {
        using var snapshots = List(connection, domain);
        return [.. snapshots.Select(snapshot => ReadXml(connection, snapshot, 0))];
    }

    /// <summary>With secrets: to define it, or its VM, anew.</summary>
    public static XElement ReadSecure(LibvirtConnection connection, SnapshotHandle snapshot) => ReadXml(connection, snapshot, Secure);

    /// <summary>Null if the VM has no snapshot of that name.</summary>
    public static SnapshotHandle? Find(LibvirtConnection connection, DomainHandle domain, string name)
    {
        var pointer = NativeSnapshot.virDomainSnapshotLookupByName(domain, name, 0);
        if (pointer != 0)
        {
            return new SnapshotHandle(pointer, connection.Handle);
        }

        var failure = NativeError.Last();
        return failure.Code is LibvirtCode.NoSnapshot
            ? null : throw connection.ToException(failure, $"find the snapshot '{name}' of VM '{domain.Name}'", CallKind.Read);
    }

    /// <summary>Null if the VM has not this snapshot; another one of its name fails.</summary>
    /// <exception cref="HypervisorException"><see cref="HypervisorError.SnapshotNotFound"/>.</exception>
    public static SnapshotHandle? Find(LibvirtConnection connection, DomainHandle domain, SnapshotKey key)
    {
        var found = Find(connection, domain, key.Name);
        try
        {
            return found is null || SnapshotDefinition.CreatedAt(ReadXml(connection, found, 0)) == key.CreatedAt
                ? found : throw NotFound(connection, domain, key, "it is another one by now, made at another time");
        }
        catch
        {
            found?.Dispose();
            throw;
        }
    }

    /// <summary>The snapshot, which must be there.</summary>
    /// <exception cref="HypervisorException"><see cref="HypervisorError.SnapshotNotFound"/>.</exception>
    public static SnapshotHandle Get(LibvirtConnection connection, DomainHandle domain, SnapshotKey key) =>
        Find(connection, domain, key) ?? throw NotFound(connection, domain, key, "the VM has no such snapshot");

    public static bool IsCurrent(SnapshotHandle snapshot) => NativeSnapshot.virDomainSnapshotIsCurrent(snapshot, 0) == 1;

    private static HypervisorException NotFound(LibvirtConnection connection, DomainHandle domain, SnapshotKey key, string why) =>
        connection.ToException(
            new LibvirtFailure(LibvirtCode.NoSnapshot, LibvirtOrigin.None, 0, why), $"find the snapshot '{key.Name}' of VM '{domain.Name}'",
            CallKind.Read);

    private static XElement ReadXml(LibvirtConnection connection, SnapshotHandle snapshot, uint flags) => SnapshotDefinition.Parse(
        NativeString.Take(NativeSnapshot.virDomainSnapshotGetXMLDesc(snapshot, flags)) ?? throw connection.Failed("read a snapshot"));

    private static HandleList<SnapshotHandle> List(LibvirtConnection connection, DomainHandle domain)
    {
        nint* pointers = null;
        var count = NativeSnapshot.virDomainListAllSnapshots(domain, &pointers, 0);
        if (count < 0)
        {
            var failure = NativeError.Last();
            return failure.Code is LibvirtCode.NoSupport && connection.Loss is null
                ? [] : throw connection.ToException(failure, $"list the snapshots of VM '{domain.Name}'", CallKind.Read);
        }

        var handles = new HandleList<SnapshotHandle>();
        for (var i = 0; i < count; i++)
        {
            handles.Add(new SnapshotHandle(pointers[i], connection.Handle));
        }

        NativeTypedParameters.Free(pointers);
        return handles;
    }
}
