using System.Text;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Kumoi.Hypervisors;

/// <summary>
/// Where the files of external snapshots are, and what they are called: their names bear a mark, by which they are known.
/// </summary>
internal static partial class SnapshotFileNames
{
    private const int MaxStemLength = 180; // a file's name has at most 255 bytes
    private const string Mark = ".kumoi-";

    /// <summary>A mark for files that are made for this operation.</summary>
    public static string MarkOf(OperationId operation) => Mark + operation.Value.ToString("N")[..12];

    /// <summary>It was made for a snapshot, or to go back to one.</summary>
    public static bool BearsMark(string path) => MarkedEnd().IsMatch(path);

    /// <summary>A new file next to a disk's image, for what the VM writes from now on.</summary>
    /// <param name="disk">The disk, as the VM has it.</param>
    /// <param name="mark">From <see cref="MarkOf"/>.</param>
    /// <param name="vm">The VM's name, for errors.</param>
    /// <param name="poolDirectories">Of the host's active storage pools: only what is there can be found again, and be removed.</param>
    /// <exception cref="HypervisorException">Of domain VM: there is no place for it.</exception>
    public static string OverlayOf(XElement disk, string mark, string vm, IReadOnlyCollection<string> poolDirectories)
    {
        var target = (string?)disk.Element("target")?.Attribute("dev");
        if (disk.Element("source")?.Attribute("file") is not { Value: var image })
        {
            throw Refuse(
                $"The disk '{target}' of '{vm}' is {DomainCopy.Describe(disk)}: a snapshot beside it needs an image that is a file.",
                "Where all disks are qcow2, a snapshot of the VM while it is off, or one with -WithMemory, is kept within the images.");
        }

        var directory = ImagePath.DirectoryOf(image);
        if (!poolDirectories.Contains(directory))
        {
            throw Refuse(
                $"'{image}', the disk '{target}' of '{vm}', is in no active storage pool: nobody could remove the snapshot's files there.",
                $"Make a storage pool of the directory '{directory}', and start it ('virsh pool-create-as').");
        }

        return $"{directory}/{Stem(image[(image.LastIndexOf('/') + 1)..])}{mark}-{target}.qcow2";
    }

    /// <summary>A new file for the memory of a VM: next to one of its images, or else in the first storage pool.</summary>
    /// <inheritdoc cref="OverlayOf"/>
    public static string MemoryOf(IEnumerable<XElement> disks, string mark, string vm, IReadOnlyCollection<string> poolDirectories)
    {
        var own = disks.Select(static disk => (string?)disk.Element("source")?.Attribute("file")).OfType<string>()
            .Select(ImagePath.DirectoryOf);
        var directory = own.Concat(poolDirectories.Order(StringComparer.Ordinal)).FirstOrDefault(poolDirectories.Contains)
            ?? throw Refuse(
                $"No active storage pool has a directory for the memory of '{vm}'.", "Make one and start it ('virsh pool-create-as').");
        return $"{directory}/{Stem(vm)}{mark}.memory";
    }

    /// <summary>A file's name without what earlier snapshots have added, and without its format.</summary>
    private static string Stem(string name)
    {
        name = MarkedEnd().Replace(name, "");
        var dot = name.LastIndexOf('.');
        name = dot > 0 ? name[..dot] : name;
        while (Encoding.UTF8.GetByteCount(name) > MaxStemLength)
        {
            name = name[..^(char.IsLowSurrogate(name[^1]) ? 2 : 1)];
        }

        return name;
    }

    private static HypervisorException Refuse(string message, string action) =>
        new(message, FaultDomain.VM, error: HypervisorError.NotSupported, recommendedAction: action);

    [GeneratedRegex(@"\.kumoi-[0-9a-f]{12}.*$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex MarkedEnd();
}
