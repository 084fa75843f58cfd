using System.Security.Cryptography;
using System.Xml.Linq;
using Kumoi.Hypervisors;

namespace Kumoi.Exports;

/// <summary>
/// A VM that can be imported: the folder of an export, an OVA, or an OVF with its files beside it. What is said of it is read when it is
/// opened; its disks are checked and unpacked when they are needed (<see cref="Check"/>, <see cref="Prepare"/>).
/// </summary>
public sealed class ImportPackage
{
    private const int MaxXmlBytes = SafeXml.MaxLength;

    private readonly PackageFiles _files;
    private readonly ExportManifest? _manifest;
    private readonly string? _checksums;

    private ImportPackage(
        PackageFiles files, string name, string path, IReadOnlyList<ImportDisk> disks, IReadOnlyList<string> warnings,
        ExportManifest? manifest = null, string? checksums = null)
    {
        (_files, _manifest, _checksums) = (files, manifest, checksums);
        (Name, LocalPath, Disks, Warnings) = (name, path, disks, warnings);
    }

    /// <summary>The VM's name there.</summary>
    public string Name { get; }

    /// <summary>The folder or file of this computer.</summary>
    public string LocalPath { get; }

    public long MemoryBytes { get; private init; }

    public int CpuCount { get; private init; }

    /// <summary>A sentence for all that is not as it says.</summary>
    public IReadOnlyList<string> Warnings { get; }

    internal IReadOnlyList<ImportDisk> Disks { get; }

    /// <summary>Of an export.</summary>
    internal XElement? Domain { get; private init; }

    /// <summary>Of an OVF.</summary>
    internal OvfMachine? Machine { get; private init; }

    /// <summary>Opens it, and looks whether all that it names is there.</summary>
    /// <param name="path">A folder, an <c>.ova</c> or an <c>.ovf</c>, whole path.</param>
    /// <exception cref="HypervisorException">InvalidSpecification: it is none, or a broken or an unsafe one.</exception>
    public static ImportPackage Open(string path)
    {
        if (Directory.Exists(path))
        {
            return OfExport(path);
        }

        if (!File.Exists(path))
        {
            throw ExportErrors.Refuse(
                $"There is no '{Visible.Text(path)}'.", "Give the folder of an export, an OVA, or an OVF of this computer.");
        }

        var isOvf = Path.GetExtension(path).Equals(".ovf", StringComparison.OrdinalIgnoreCase);
        return isOvf ? OfOvf(PackageFiles.OfFolder(Path.GetDirectoryName(path)!), Path.GetFileName(path), path)
            : PackageFiles.OfArchive(path) is var files && files.Names.FirstOrDefault(static one => IsOvf(one)) is { } ovf
            ? OfOvf(files, ovf, path)
            : throw ExportErrors.Refuse(
                $"There is no OVF in '{Visible.Text(path)}'.", "Give an OVA as a virtualization program has made it.");
    }

    /// <summary>Whether everything is what it was when the package was made, as far as it says so.</summary>
    /// <exception cref="HypervisorException">InvalidSpecification: a file was changed, is missing, or is cut off.</exception>
    internal void Check(CancellationToken cancellationToken)
    {
        if (_checksums is not null)
        {
            var seen = ChecksumFile.Check(_files, _checksums, cancellationToken);
            CallWarnings.Tell(Disks.Where(disk => disk.File is { } file && !seen.Contains(file)).Select(
                disk => $"'{Visible.Text(disk.File)}' was not checked: '{Visible.Text(_checksums)}' does not name it."));
        }

        foreach (var disk in _manifest?.Disks ?? [])
        {
            using var file = _files.Open(disk.File);
            ChecksumFile.Ensure(file, HashAlgorithmName.SHA256, disk.Sha256, cancellationToken);
        }
    }

    /// <summary>The image of a disk as a file of this computer: its own, or one that is made in a folder.</summary>
    internal string Prepare(ImportDisk disk, string folder, IProgress<CopyProgress>? progress, CancellationToken cancellationToken)
    {
        if (!disk.IsPacked && !_files.IsArchive)
        {
            EnsureStandsAlone(_files.PathOf(disk.File!), disk.Format);
            return _files.PathOf(disk.File!);
        }

        var path = Path.Combine(folder, Guid.NewGuid().ToString("N"));
        using var file = _files.Open(disk.File!);
        if (disk.IsPacked)
        {
            StreamVmdk.Unpack(file, path, progress, cancellationToken);
            return path;
        }

        file.CopyTo(path, cancellationToken);
        EnsureStandsAlone(path, disk.Format);
        return path;
    }

    private static ImportPackage OfExport(string folder)
    {
        var files = PackageFiles.OfFolder(folder);
        if (!files.Has(ExportManifest.FileName))
        {
            throw ExportErrors.Refuse(
                $"'{Visible.Text(folder)}' is no folder of an exported VM: '{ExportManifest.FileName}' is not in it.",
                "Give a folder that Export-KumoiVM has made, an OVA, or an OVF.");
        }

        using var list = files.Open(ExportManifest.FileName);
        var manifest = ExportManifest.Read(list);
        using var definition = files.Open(manifest.Definition);
        ChecksumFile.Ensure(definition, HashAlgorithmName.SHA256, manifest.DefinitionSha256, CancellationToken.None);
        var domain = DomainDefinition.Parse(definition.ReadText(MaxXmlBytes));
        List<ImportDisk> disks = [];
        foreach (var disk in manifest.Disks)
        {
            using var file = files.Open(disk.File);
            if (file.Length != disk.LengthBytes)
            {
                throw file.Length < disk.LengthBytes ? ExportErrors.Truncated(disk.File) : ExportErrors.Refuse(
                    $"'{Visible.Text(disk.File)}' has {file.Length} bytes, and not {disk.LengthBytes}.", "Get the folder again.");
            }

            disks.Add(new ImportDisk(disk.Target, disk.File, disk.Format, disk.VirtualBytes, IsPacked: false, disk.LengthBytes));
        }

        return new ImportPackage(files, manifest.Name, folder, disks, [], manifest)
        {
            Domain = domain,
            MemoryBytes = DomainDefinition.MemoryBytes(domain),
            CpuCount = int.TryParse(domain.Element("vcpu")?.Value.Trim(), out var cpus) ? cpus : 1,
        };
    }

    private static ImportPackage OfOvf(PackageFiles files, string ovf, string path)
    {
        using var file = files.Open(ovf);
        var machine = OvfEnvelope.Read(file.ReadText(MaxXmlBytes), ovf);
        List<string> warnings = [.. machine.Warnings];
        var stem = Path.GetFileNameWithoutExtension(ovf);
        var checksums = files.Has(stem + ".mf") ? stem + ".mf" : null;
        if (checksums is null)
        {
            warnings.Add($"'{Visible.Text(ovf)}' has no checksums (.mf): whether its files are what they were is not known.");
        }
        else if (files.Has(stem + ".cert"))
        {
            warnings.Add($"The signature of '{Visible.Text(ovf)}' was not checked.");
        }

        return new ImportPackage(
            files, machine.Name ?? stem, path, [.. machine.Disks.Select(disk => DiskOf(files, disk))], warnings, checksums: checksums)
        {
            Machine = machine,
            MemoryBytes = machine.MemoryBytes,
            CpuCount = machine.CpuCount,
        };
    }

    private static ImportDisk DiskOf(PackageFiles files, OvfMachine.Disk disk)
    {
        if (disk.File is null)
        {
            return new ImportDisk(disk.Id, null, "qcow2", disk.CapacityBytes, IsPacked: false, 0);
        }

        using var file = files.Open(disk.File);
        if (disk.FileBytes is { } length && file.Length < length)
        {
            throw ExportErrors.Truncated(disk.File);
        }

        if (StreamVmdk.IsVmdk(file))
        {
            var capacity = StreamVmdk.ReadCapacity(file);
            return capacity <= disk.CapacityBytes
                ? new ImportDisk(disk.Id, disk.File, "raw", capacity, IsPacked: true, file.Length)
                : throw ExportErrors.Refuse(
                    $"The disk '{Visible.Text(disk.File)}' has {capacity} bytes, its OVF says {disk.CapacityBytes}.",
                    "Export the VM again: one of them is wrong.");
        }

        var format = disk.Format.Contains("qcow", StringComparison.OrdinalIgnoreCase) ? "qcow2"
            : disk.Format.Contains("raw", StringComparison.OrdinalIgnoreCase) ? "raw"
            : throw ExportErrors.Refuse(
                $"The disk '{Visible.Text(disk.File)}' is no VMDK, and of a format that is not read: '{Visible.Text(disk.Format)}'.",
                "Export the VM with VMDKs, or as raw or qcow2.");
        return new ImportDisk(disk.Id, disk.File, format, disk.CapacityBytes, IsPacked: false, file.Length);
    }

    /// <summary>What an image is built on, its host would open: any file that its header names.</summary>
    private static void EnsureStandsAlone(string path, string format)
    {
        using var image = LocalImage.Open(path);
        if (format is "qcow2" && image.Backing is { } backing)
        {
            throw ExportErrors.Refuse(
                $"'{Visible.Text(path)}' is built on '{Visible.Text(backing)}', which is not in the package.", "Export the VM again.");
        }
    }

    private static bool IsOvf(string name) => name.EndsWith(".ovf", StringComparison.OrdinalIgnoreCase);
}
