using System.Xml;
using System.Xml.Linq;

namespace Kumoi.Hypervisors;

/// <summary>Pools and volumes in libvirt's XML (https://libvirt.org/formatstorage.html).</summary>
internal static class VolumeDefinition
{
    public static VolumeReading Read(string pool, XElement volume) => new()
    {
        Pool = pool,
        Name = (string?)volume.Element("name") ?? "",
        Path = (string?)volume.Element("target")?.Element("path") ?? "",
        Format = (string?)volume.Element("target")?.Element("format")?.Attribute("type") ?? "",
        CapacityBytes = ScaledInteger.Read(volume.Element("capacity"), "bytes") ?? 0,
        AllocatedBytes = ScaledInteger.Read(volume.Element("allocation"), "bytes") ?? 0,
        BackingPath = (string?)volume.Element("backingStore")?.Element("path"),
    };

    /// <summary>Null: it is no XML of a pool.</summary>
    public static PoolReading? ReadPool(string xml)
    {
        try
        {
            var pool = SafeXml.Parse(xml);
            return (string?)pool.Element("name") is { Length: > 0 } name ? new PoolReading
            {
                Name = name,
                Type = (string?)pool.Attribute("type") ?? "",
                Path = ((string?)pool.Element("target")?.Element("path"))?.TrimEnd('/'),
                CapacityBytes = ScaledInteger.Read(pool.Element("capacity"), "bytes") ?? 0,
                AllocatedBytes = ScaledInteger.Read(pool.Element("allocation"), "bytes") ?? 0,
                FreeBytes = ScaledInteger.Read(pool.Element("available"), "bytes") ?? 0,
            }
            : null;
        }
        catch (XmlException)
        {
            return null;
        }
    }

    public static HypervisorException NoPool(string host, string pool) => new(
        $"{host} has no storage pool '{pool}'.", FaultDomain.Storage, error: HypervisorError.StorageFailed,
        recommendedAction: "Get-KumoiPool lists the storage pools of the hosts.");

    public static HypervisorException NoVolume(string host, string pool, string volume) => new(
        $"The storage pool '{pool}' of {host} has no volume '{volume}'.", FaultDomain.Storage, error: HypervisorError.StorageFailed,
        recommendedAction: "Get-KumoiVolume lists the volumes.");

    public static HypervisorException Exists(string host, string pool, string volume) => new(
        $"The storage pool '{pool}' of {host} has a volume '{volume}' already.", FaultDomain.Storage, error: HypervisorError.StorageFailed,
        recommendedAction: "Choose another name.");

    public static HypervisorException InUse(string volume, string why) => new(
        $"'{volume}' stays as it is: {why}.", FaultDomain.Storage, error: HypervisorError.InvalidState,
        recommendedAction: "Take it away from what uses it (Remove-KumoiDisk), or remove that first.");

    public static HypervisorException Shrinks(string volume, long now, long wanted) => new(
        $"'{volume}' has {now} bytes, and cannot become {wanted}: what is at its end would be lost.", FaultDomain.Storage,
        error: HypervisorError.InvalidSpecification, recommendedAction: "Give more than it has.");
}
