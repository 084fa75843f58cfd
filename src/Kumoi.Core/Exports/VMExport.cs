using System.Security.Cryptography;
using System.Text;
using System.Xml.Linq;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.Exports;

/// <summary>
/// Writes a VM that is off to a folder of this computer: its domain XML without secrets, its disks, and a list with checksums
/// (<see cref="ExportManifest"/>). The folder is there only when it is whole.
/// </summary>
public static class VMExport
{
    private const UnixFileMode OwnersOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>Writes it, in a folder of the VM's name. What does not go with it is told by <see cref="CallWarnings"/>.</summary>
    /// <param name="vm">The VM.</param>
    /// <param name="parent">A folder that is there.</param>
    /// <param name="progressOf">Who is told how far a disk is; null: nobody.</param>
    /// <param name="cancellationToken">Then nothing is left.</param>
    /// <returns>The folder.</returns>
    /// <exception cref="HypervisorException">
    /// Of domain VM: InvalidState: the VM is not off. InvalidSpecification: the folder is there already, or cannot be written, or a disk
    /// cannot be copied.
    /// </exception>
    public static async Task<string> RunAsync(
        KumoiVM vm, string parent, Func<string, IProgress<CopyProgress>>? progressOf, CancellationToken cancellationToken)
    {
        var folder = FolderOf(vm, parent);
        await VMActions.EnsureCopyableAsync(vm, cancellationToken);
        var domain = DomainDefinition.Parse(await vm.Connection.Link.SendAsync(new ReadXml(vm.Id), cancellationToken));
        var sources = await FindAsync(vm, domain, cancellationToken);
        var partial = Path.Combine(parent, $".{Guid.NewGuid():N}.kumoi-part");
        try
        {
            Try(partial, () => OperatingSystem.IsWindows()
                ? Directory.CreateDirectory(partial) : Directory.CreateDirectory(partial, OwnersOnly));
            List<ExportManifest.Disk> disks = [];
            foreach (var source in sources)
            {
                disks.Add(await CopyAsync(
                    vm, source, partial, $"disk-{disks.Count + 1}.{source.Format}", progressOf?.Invoke(source.Target), cancellationToken));
            }

            // Started meanwhile, it has written to what was copied.
            await VMActions.EnsureCopyableAsync(vm, cancellationToken);
            var text = Encoding.UTF8.GetBytes(domain.ToString());
            var manifest = new ExportManifest(
                ExportManifest.CurrentVersion, vm.Name, vm.Id, $"{vm.Name}.xml", Convert.ToHexStringLower(SHA256.HashData(text)), disks);
            Try(partial, () =>
            {
                File.WriteAllBytes(Path.Combine(partial, manifest.Definition), text);
                File.WriteAllText(Path.Combine(partial, ExportManifest.FileName), manifest.ToText());
                return true;
            });
            if (Path.Exists(folder))
            {
                throw Exists(folder);
            }

            Try(folder, () =>
            {
                Directory.Move(partial, folder);
                return true;
            });
            CallWarnings.Tell(WhatStays(vm, domain));
            return folder;
        }
        finally
        {
            if (Directory.Exists(partial))
            {
                Directory.Delete(partial, recursive: true);
            }
        }
    }

    /// <summary>A disk, and the volume that it is.</summary>
    private sealed record Source(string Target, string Format, VolumeReading Volume);

    private static string FolderOf(KumoiVM vm, string parent)
    {
        if (!Directory.Exists(parent))
        {
            throw ExportErrors.Refuse(
                $"There is no folder '{Visible.Text(parent)}'.",
                "Give a folder of this computer that is there: each VM gets one of its name "
                    + "in it.");
        }

        if (vm.Name is "." or ".." || vm.Name.AsSpan().IndexOfAny(Path.GetInvalidFileNameChars()) >= 0)
        {
            throw ExportErrors.Refuse(
                $"'{Visible.Text(vm.Name)}' cannot be the name of a folder here.", "Give the VM another name with Rename-KumoiVM.");
        }

        var folder = Path.Combine(parent, vm.Name);
        return Path.Exists(folder) ? throw Exists(folder) : folder;
    }

    /// <summary>The volumes of all disks but for those in drives.</summary>
    private static async Task<List<Source>> FindAsync(KumoiVM vm, XElement domain, CancellationToken cancellationToken)
    {
        var link = vm.Connection.Link;
        var disks = DiskDefinition.Of(domain).Where(static disk => (string?)disk.Attribute("device") is not ("cdrom" or "floppy")).ToList();
        var pools = disks.Count == 0 ? [] : await link.SendAsync(new ReadStorage(), cancellationToken);
        List<VolumeReading> volumes = [];
        foreach (var pool in pools.Where(static pool => pool.IsActive))
        {
            volumes.AddRange(await link.SendAsync(new ReadVolumes(pool.Name), cancellationToken));
        }

        return [.. disks.Select(disk => Find(disk, volumes))];
    }

    private static Source Find(XElement disk, List<VolumeReading> volumes)
    {
        if (disk.Descendants("encryption").Any())
        {
            throw DomainCopy.CannotCopy(disk, "it is encrypted");
        }

        var source = disk.Element("source");
        var volume = DomainCopy.ImageOf(disk) is { } path
            ? volumes.Find(one => ImagePath.Normalize(one.Path) == ImagePath.Normalize(path))
            : volumes.Find(one => one.Pool == (string?)source?.Attribute("pool") && one.Name == (string?)source?.Attribute("volume"));
        var format = (string?)disk.Element("driver")?.Attribute("type") ?? "raw";
        return volume is null ? throw DomainCopy.CannotCopy(disk, $"{DomainCopy.Describe(disk)} is no volume of an active storage pool")
            : format is not ("qcow2" or "raw") ? throw DomainCopy.CannotCopy(disk, $"it is neither qcow2 nor raw, but {format}")
            : new Source(DiskDefinition.TargetOf(disk), format, volume);
    }

    /// <summary>One that is built on another is copied on its host first: what was copied here stands for itself.</summary>
    private static async Task<ExportManifest.Disk> CopyAsync(
        KumoiVM vm, Source source, string folder, string file, IProgress<CopyProgress>? progress, CancellationToken cancellationToken)
    {
        var (link, volume) = (vm.Connection.Link, source.Volume);
        var path = Path.Combine(folder, file);
        if (source.Format is "raw" || volume.BackingPath is null)
        {
            await link.SendAsync(new DownloadVolume(volume.Pool, volume.Name, path) { Progress = progress }, cancellationToken);
        }
        else
        {
            var name = $"{volume.Name}-export-{Guid.NewGuid().ToString("N")[..8]}";
            var operation = OperationId.New();
            await link.SendAsync(
                new CopyVolume(volume.Pool, volume.Name, volume.Pool, name)
                {
                    Operation = operation,
                    SourceFormat = source.Format,
                    Format = source.Format,
                },
                cancellationToken);
            try
            {
                await link.SendAsync(new DownloadVolume(volume.Pool, name, path) { Progress = progress }, cancellationToken);
            }
            finally
            {
                await link.SendAsync(new RemoveVolume(volume.Pool, name) { Operation = operation, IsOwn = true }, CancellationToken.None);
            }
        }

        using var copy = PackageFile.Open(path, file);
        return new ExportManifest.Disk(
            source.Target, file, source.Format, volume.CapacityBytes, copy.Length,
            copy.Digest(HashAlgorithmName.SHA256, cancellationToken));
    }

    /// <summary>What of the VM is not in the folder.</summary>
    private static IEnumerable<string> WhatStays(KumoiVM vm, XElement domain)
    {
        var firmware = domain.Element("os");
        (bool Is, string What)[] all =
        [
            (firmware?.Element("nvram") is not null || (string?)firmware?.Attribute("firmware") is "efi",
                "what its firmware keeps (UEFI variables)"),
            (domain.Elements("devices").Elements("tpm").Any(), "what its TPM keeps"),
            (DiskDefinition.Of(domain).Any(static disk => (string?)disk.Attribute("device") is "cdrom" or "floppy"
                && DiskDefinition.Read(disk).Source is not null), "the discs in its drives"),
        ];
        if (all.Where(static one => one.Is).Select(static one => one.What).ToList() is { Count: > 0 } stays)
        {
            yield return $"The export of '{vm.Name}' is without {string.Join(", and without ", stays)}.";
        }
    }

    private static T Try<T>(string path, Func<T> action)
    {
        try
        {
            return action();
        }
        catch (Exception e) when (ExportErrors.IsOfFiles(e))
        {
            throw ExportErrors.Unwritable(path, e);
        }
    }

    private static HypervisorException Exists(string folder) => ExportErrors.Refuse(
        $"'{Visible.Text(folder)}' is there already.", "Give another folder, or remove or rename that one.");
}
