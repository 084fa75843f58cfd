using System.Xml.Linq;
using Kumoi.Hypervisors.Libvirt.Connections;

namespace Kumoi.Hypervisors.Libvirt.Definitions;

/// <summary>Where the new volumes of a VM will be, and what they will be made of. Makes none. Its methods block.</summary>
internal static class DiskPlans
{
    /// <summary>
    /// By the index of their disk. A volume of that name, which may be somebody's data, fails with
    /// <see cref="HypervisorError.StorageFailed"/>.
    /// </summary>
    public static Dictionary<int, VolumePlan> Make(LibvirtConnection connection, VMSpec spec, OperationId operation)
    {
        Dictionary<int, VolumePlan> plans = [];
        for (var i = 0; i < spec.Disks.Count; i++)
        {
            var disk = spec.Disks[i];
            if (disk.Path is null)
            {
                plans[i] = Plan(connection, disk, NameOf(spec, i, operation));
            }
        }

        return plans;
    }

    /// <summary>Of an image: its path, or the name of a volume of the pool.</summary>
    public static string PathOf(LibvirtConnection connection, string pool, string image)
    {
        if (image.StartsWith('/'))
        {
            return image;
        }

        using var volume = VolumeStore.Find(connection, pool, image)
            ?? throw VolumeDefinition.NoVolume(connection.Label, pool, image);
        return VolumeStore.PathOf(connection, volume);
    }

    /// <summary>A seed's name is its operation's alone: who removes one removes no other's.</summary>
    private static string NameOf(VMSpec spec, int index, OperationId operation)
    {
        var name = spec.Mark is { } mark ? FormattableString.Invariant($"{spec.Name}-r{mark.Replica}") : spec.Name;
        return spec.Disks[index].Content is null
            ? FormattableString.Invariant($"{name}-{index + 1}") : DomainCopy.SeedName(name, operation);
    }

    private static VolumePlan Plan(LibvirtConnection connection, DiskSpec disk, string name)
    {
        using var pool = VolumeStore.GetPool(connection, disk.StoragePool);
        if (disk.Content is { } content)
        {
            return VolumeStore.Plan(connection, pool, disk.StoragePool, name, "raw", content.Length) with { Content = content };
        }

        if ((disk.CopyOf ?? disk.TemplatePath) is not { } image)
        {
            return VolumeStore.Plan(connection, pool, disk.StoragePool, name, DomainXml.FormatOf(disk), disk.NewVolumeBytes ?? 0);
        }

        var path = PathOf(connection, disk.StoragePool, image);
        var original = Read(connection, path);
        if (disk.CapacityBytes is { } wanted)
        {
            var now = original is null ? throw NoVolume(path, "how big it is") : CapacityOf(original);
            if (wanted < now)
            {
                throw VolumeDefinition.Shrinks(path, now, wanted);
            }
        }

        var format = FormatOf(disk, path, original);
        if (disk.CopyOf is null)
        {
            return VolumeStore.Plan(connection, pool, disk.StoragePool, name, "qcow2", disk.CapacityBytes ?? 0) with
            {
                Template = path,
                TemplateFormat = format,
            };
        }

        if (original is null)
        {
            throw NoVolume(path, "what it is");
        }

        if ((string?)original.Element("target")?.Element("format")?.Attribute("type") is { } seen && seen != format)
        {
            throw DomainXml.Invalid($"'{path}' is of the format {seen}, and not {format}: no full copy of it can be made.");
        }

        var capacity = CapacityOf(original);
        return VolumeStore.Plan(connection, pool, disk.StoragePool, name, format, capacity) with
        {
            AllocationBytes = format is "raw" ? Math.Min(ScaledInteger.Read(original.Element("allocation"), "bytes") ?? 0, capacity) : 0,
            CopyOf = path,
            GrowsTo = disk.CapacityBytes > capacity ? disk.CapacityBytes : null,
        };
    }

    /// <summary>
    /// As it was said, or as the image's storage pool sees it, or by its name. What a guest wrote to a raw disk can look like another
    /// format, which names any file of the host: what is built on another file has to be asked for.
    /// </summary>
    private static string FormatOf(DiskSpec disk, string path, XElement? original)
    {
        if (disk.Format is { } said)
        {
            return said;
        }

        var byName = DomainXml.FormatOf(disk, path);
        var seen = (string?)original?.Element("target")?.Element("format")?.Attribute("type");
        return original?.Element("backingStore")?.Element("path") is { } backing && (disk.CopyOf is not null || seen != byName)
            ? throw DomainXml.Invalid(
                $"'{path}' is built on '{backing.Value}': say with -DiskFormat what it is, if that is as it should be.")
            : seen is "qcow2" ? "qcow2" : byName;
    }

    private static long CapacityOf(XElement volume) => ScaledInteger.Read(volume.Element("capacity"), "bytes") ?? 0;

    private static XElement? Read(LibvirtConnection connection, string path)
    {
        using var volume = VolumeStore.FindByPath(connection, path);
        return volume is null ? null : VolumeStore.ReadXml(connection, volume);
    }

    private static HypervisorException NoVolume(string path, string what) => new(
        $"'{path}' is in no active storage pool of the host, so that it is not known {what}.", FaultDomain.Storage,
        error: HypervisorError.StorageFailed,
        recommendedAction: "Bring it into a storage pool with Import-KumoiVolume, or let the pool look again with Update-KumoiPool. "
            + "With -Linked and without -DiskSizeBytes any file will do.");
}
