using System.Text.Json;
using Kumoi.Hypervisors;

namespace Kumoi.Exports;

/// <summary>What is in the folder of an exported VM: the file <see cref="FileName"/> in it.</summary>
/// <param name="Version">Of this format: <see cref="CurrentVersion"/>.</param>
/// <param name="Name">The VM's.</param>
/// <param name="Id">The VM's.</param>
/// <param name="Definition">The file with its domain XML.</param>
/// <param name="DefinitionSha256">Of that file, in hexadecimal digits.</param>
/// <param name="Disks">In the order of the domain XML.</param>
internal sealed record ExportManifest(
    int Version, string Name, Guid Id, string Definition, string DefinitionSha256, IReadOnlyList<ExportManifest.Disk> Disks)
{
    public const string FileName = "kumoi-export.json";
    public const int CurrentVersion = 1;

    private const int MaxBytes = 1 << 20;

    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        WriteIndented = true,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
    };

    /// <summary>A disk.</summary>
    /// <param name="Target">Its name in the VM, such as <c>vda</c>.</param>
    /// <param name="File">Its file in the folder.</param>
    /// <param name="Format"><c>qcow2</c> or <c>raw</c>.</param>
    /// <param name="VirtualBytes">What the guest sees.</param>
    /// <param name="LengthBytes">Of the file.</param>
    /// <param name="Sha256">Of the file, in hexadecimal digits.</param>
    public sealed record Disk(string Target, string File, string Format, long VirtualBytes, long LengthBytes, string Sha256);

    public string ToText() => JsonSerializer.Serialize(this, Options);

    /// <summary>Reads and checks it: what it names are names of files, and nothing else.</summary>
    /// <exception cref="HypervisorException"><see cref="HypervisorError.InvalidSpecification"/>.</exception>
    public static ExportManifest Read(PackageFile file)
    {
        ExportManifest? manifest;
        try
        {
            manifest = JsonSerializer.Deserialize<ExportManifest>(file.ReadText(MaxBytes), Options);
        }
        catch (JsonException e)
        {
            throw Broken(e.Message, e);
        }

        if (manifest is null)
        {
            throw Broken("there is nothing in it");
        }

        if (manifest.Version != CurrentVersion)
        {
            throw ExportErrors.Refuse(
                $"The export is of version {manifest.Version} of its format: this Kumoi reads version {CurrentVersion}.",
                "Import it with the Kumoi that has made it, or a newer one.");
        }

        VMSpecCheck.EnsureName(manifest.Name, "VM");
        foreach (var disk in manifest.Disks)
        {
            if (disk.Format is not ("qcow2" or "raw") || disk.LengthBytes <= 0 || disk.VirtualBytes <= 0)
            {
                throw Broken($"the disk '{Visible.Text(disk.Target)}' is of no known format, or has no size");
            }
        }

        return manifest.Disks.GroupBy(static disk => disk.Target).FirstOrDefault(static same => same.Count() > 1) is { } twice
            ? throw Broken($"the disk '{Visible.Text(twice.Key)}' is there twice") : manifest;
    }

    private static HypervisorException Broken(string why, Exception? inner = null) => ExportErrors.Refuse(
        $"'{FileName}' is no list of an export: {why.TrimEnd('.')}.", "Get the folder again as Export-KumoiVM has made it.", inner);
}
