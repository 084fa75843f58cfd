using System.Xml.Linq;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;
using Kumoi.Hypervisors.Libvirt.Reading;

namespace Kumoi.Hypervisors.Libvirt.Definitions;

/// <summary>The files of external snapshots, which are volumes of storage pools like others. Its methods block.</summary>
internal static unsafe class SnapshotFiles
{
    private const uint InactiveXml = 1 << 1; // VIR_DOMAIN_XML_INACTIVE

    /// <summary>
    /// Who uses the images of the host, with this VM itself, and all of its snapshots but one. Of these directories the host looks anew.
    /// </summary>
    public static ImageUses ReadUses(LibvirtConnection connection, DomainHandle domain, string? butSnapshot, IEnumerable<string> paths)
    {
        VolumeStore.Refresh(connection, paths.Select(ImagePath.DirectoryOf));
        var uses = ImageUsesReader.Read(connection, without: domain.Name);
        foreach (var flags in (uint[])[0, InactiveXml])
        {
            uses.AddDefinition(
                domain.Name,
                DomainDefinition.Parse(NativeString.Take(NativeDomain.virDomainGetXMLDesc(domain, flags))
                    ?? throw connection.Failed($"read the XML of VM '{domain.Name}'")));
        }

        foreach (var snapshot in SnapshotReader.ReadXml(connection, domain)
            .Where(snapshot => !string.Equals(SnapshotDefinition.NameOf(snapshot), butSnapshot, StringComparison.Ordinal)))
        {
            uses.AddDefinition(domain.Name, snapshot);
        }

        return uses;
    }

    /// <summary>The files that a snapshot itself has: its memory, and what was written after it.</summary>
    public static IEnumerable<string> Of(XElement snapshot) =>
        SnapshotDefinition.Overlays(snapshot).Select(static disk => disk.Overlay).Prepend(SnapshotDefinition.MemoryFile(snapshot))
            .OfType<string>();

    /// <summary>
    /// The files that the snapshots of a VM, and ways back to them, have made of its disks, and the images that those were made of: they
    /// go with the VM's disks.
    /// </summary>
    public static List<string> OfWhole(
        LibvirtConnection connection, DomainHandle domain, XElement definition, IReadOnlyList<XElement> snapshots)
    {
        var layers = ImagesOf(definition).Where(SnapshotFileNames.BearsMark).ToList();
        List<string> files =
        [
            .. snapshots.Where(static snapshot => Of(snapshot).Any()).SelectMany(static snapshot => Of(snapshot).Concat(
                SnapshotDefinition.DefinitionOf(snapshot) is { } then ? ImagesOf(then) : [])),
        ];
        if (layers.Count + files.Count == 0)
        {
            return [];
        }

        // libvirt's pools do not know of the files that libvirt made itself.
        VolumeStore.Refresh(connection, files.Concat(layers).Select(ImagePath.DirectoryOf));
        var uses = ImageUsesReader.Read(connection, without: domain.Name);
        foreach (var layer in layers)
        {
            var chain = uses.ChainOf(layer);
            files.AddRange(chain.Take(chain.FindIndex(static image => !SnapshotFileNames.BearsMark(image)) + 1));
        }

        return files;
    }

    /// <summary>Deletes them when the disks themselves have gone. A sentence for each that stays.</summary>
    public static List<string> RemoveWhole(LibvirtConnection connection, DomainHandle domain, List<string> files) => files.Count == 0
        ? [] : RemoveUnneeded(connection, ImageUsesReader.Read(connection, without: domain.Name), files);

    /// <summary>
    /// Deletes files that nobody uses; those that are gone are fine. A sentence for each that stays. A file in no storage pool stays:
    /// nothing else deletes files on a host.
    /// </summary>
    public static List<string> RemoveUnneeded(LibvirtConnection connection, ImageUses uses, IEnumerable<string> paths)
    {
        List<string> warnings = [];
        Dictionary<string, string> pools = VolumeStore.ReadDirectories(connection);
        var inPools = paths.Distinct(StringComparer.Ordinal).Where(path =>
        {
            var isInPool = pools.ContainsKey(ImagePath.DirectoryOf(path));
            if (!isInPool)
            {
                warnings.Add($"'{path}' stays on {connection.Label}: it is in no active storage pool, and Kumoi deletes nothing else.");
            }

            return isInPool;
        }).ToList();
        warnings.AddRange(uses.RemoveUnused(connection.Label, inPools, path =>
        {
            using var volume = VolumeStore.FindByPath(connection, path);
            if (volume is not null && !VolumeStore.Delete(connection, volume, path))
            {
                warnings.Add($"'{path}' on {connection.Label} stays: its storage pool does not delete volumes.");
            }
        }));
        return warnings;
    }

    private static IEnumerable<string> ImagesOf(XElement definition) =>
        DomainCopy.WritableDisks(definition).Select(DomainCopy.ImageOf).OfType<string>();
}
