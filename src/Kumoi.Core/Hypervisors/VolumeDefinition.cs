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
        ModifiedAt = (string?)volume.Element("target")?.Element("timestamps")?.Element("mtime"),
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
                Id = Guid.TryParse((string?)pool.Element("uuid"), out var id) ? id : Guid.Empty,
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

    /// <summary>Fails unless a volume is what it is known to be; where that is not known, unless it stands for itself.</summary>
    public static void EnsureIsAs(VolumeReading volume, string? format)
    {
        if (format is null ? volume.BackingPath is not null : volume.Format is not ("" or "raw") && volume.Format != format)
        {
            throw new HypervisorException(
                format is null
                    ? $"'{volume.Path}' is built on '{volume.BackingPath}', which would be in the copy."
                    : $"To its storage pool '{volume.Path}' is {volume.Format}, and not {format}.",
                FaultDomain.Storage, error: HypervisorError.InvalidSpecification,
                recommendedAction: "Say with -SourceFormat what it is, if that is as it should be: what a guest wrote to a raw disk can "
                    + "look like another format, which names any file of the host.");
        }
    }

    /// <summary>How many bytes its file or device has; null: the host does not tell.</summary>
    public static long? LengthOf(XElement volume) => ScaledInteger.Read(volume.Element("physical"), "bytes");

    /// <summary>What was copied is what there is.</summary>
    /// <param name="volume">Its XML.</param>
    /// <param name="length">How many bytes were copied.</param>
    /// <param name="failure">Begins the message.</param>
    public static void EnsureLength(XElement volume, long length, string failure)
    {
        if (LengthOf(volume) is { } there && there != length)
        {
            throw new HypervisorException(
                $"{failure}: the volume has {there} bytes, {length} were copied.", FaultDomain.Storage,
                error: HypervisorError.StorageFailed,
                recommendedAction: "Somebody may have changed it meanwhile. Try again when nobody uses it.");
        }
    }

    /// <summary>Whether a VM that runs writes to a volume.</summary>
    public static bool IsWrittenBy(VolumeReading volume, XElement domain) =>
        DiskDefinition.Of(domain).Any(disk => !DiskDefinition.Read(disk).IsReadOnly
            && ((DomainCopy.ImageOf(disk) is { } path && ImagePath.Normalize(path) == ImagePath.Normalize(volume.Path))
                || ((string?)disk.Element("source")?.Attribute("pool") == volume.Pool
                    && (string?)disk.Element("source")?.Attribute("volume") == volume.Name)));

    public static HypervisorException IsWritten(VolumeReading volume, string vm, string host) => new(
        $"'{volume.Path}' on {host} is a disk of '{vm}', which runs: a copy would be torn.", FaultDomain.Storage,
        error: HypervisorError.InvalidState,
        recommendedAction: "Stop the VM, or make a snapshot of it (Checkpoint-KumoiVM) and copy what that is built on.");

    /// <summary>What to tell who has uploaded a file.</summary>
    public static IEnumerable<string> WarningsOfUpload(string file, LocalImage image) => image.Backing is { } backing
        ? [$"'{file}' is built on '{backing}': of no use where the host has no such image, and what is there becomes part of it."]
        : [];

    /// <summary>What to tell who has downloaded a volume.</summary>
    public static IReadOnlyList<string> WarningsOfDownload(string file, VolumeReading volume) => volume.BackingPath is { } backing
        ? [$"'{file}' is built on '{backing}', which was not copied with it."]
        : [];
}
