using System.Xml;
using System.Xml.Linq;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;

namespace Kumoi.Hypervisors.Libvirt.Definitions;

/// <summary>Reads a host's storage pools (https://libvirt.org/formatstorage.html). Blocks.</summary>
internal static unsafe class StoragePools
{
    private const uint ActiveOnly = 2; // VIR_CONNECT_LIST_STORAGE_POOLS_ACTIVE

    /// <summary>libvirt-storage: virConnectListAllStoragePools, and the XML of each. None, where the host has no storage driver.</summary>
    public static IReadOnlyList<StoragePoolReading> Read(LibvirtConnection connection)
    {
        using var pools = VolumeStore.ListPools(connection, ActiveOnly);
        if (pools is null)
        {
            var failure = NativeError.Last();
            return failure.Code is LibvirtCode.NoSupport && connection.Loss is null
                ? [] : throw connection.ToException(failure, "list the storage pools", CallKind.Read);
        }

        var found = new List<StoragePoolReading>(pools.Count);
        foreach (var pool in pools)
        {
            // One that was removed or stopped meanwhile has none.
            if (NativeString.Take(NativeStorage.virStoragePoolGetXMLDesc(pool, 0)) is { } xml && Parse(xml) is { } reading)
            {
                found.Add(reading);
            }
        }

        return found;
    }

    /// <summary>Null: it is no XML of a pool.</summary>
    internal static StoragePoolReading? Parse(string xml)
    {
        XElement pool;
        try
        {
            pool = SafeXml.Parse(xml);
        }
        catch (XmlException)
        {
            return null;
        }

        var source = pool.Element("source");
        string[] parts =
        [
            .. pool.Elements("source").Elements("host").Select(static host => (string?)host.Attribute("name") ?? "")
                .Order(StringComparer.Ordinal),
            (string?)source?.Element("dir")?.Attribute("path") ?? "",
            (string?)source?.Element("name") ?? "",
            (string?)source?.Element("device")?.Attribute("path") ?? "",
        ];
        return (string?)pool.Element("name") is { Length: > 0 } name && (string?)pool.Attribute("type") is { } type
            ? new StoragePoolReading(name, type, ((string?)pool.Element("target")?.Element("path"))
                ?.TrimEnd('/'), string.Join('|', parts.Where(static part => part.Length > 0)))
            : null;
    }
}
