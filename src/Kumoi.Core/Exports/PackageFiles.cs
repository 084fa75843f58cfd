using System.Formats.Tar;
using Kumoi.Hypervisors;

namespace Kumoi.Exports;

/// <summary>
/// The files of a package, by their names: those of a folder, or of a TAR (an OVA). A name is the name of a file and no path, so that
/// nothing outside is ever read; what is a link is none.
/// </summary>
internal sealed class PackageFiles
{
    private const int MostEntries = 1000;

    private readonly Dictionary<string, (long Offset, long Length)>? _entries;
    private readonly string _path;

    private PackageFiles(string path, Dictionary<string, (long Offset, long Length)>? entries) => (_path, _entries) = (path, entries);

    /// <summary>It is a TAR: its files have no paths on this computer.</summary>
    public bool IsArchive => _entries is not null;

    /// <summary>The names of a TAR's files, in their order; of a folder none.</summary>
    public IEnumerable<string> Names => _entries?.Keys ?? Enumerable.Empty<string>();

    public static PackageFiles OfFolder(string folder) => new(folder, null);

    /// <summary>Reads what is in it, and nothing of its files.</summary>
    /// <exception cref="HypervisorException">
    /// InvalidSpecification: it is no TAR, is cut off, or has links or paths in it.
    /// </exception>
    public static PackageFiles OfArchive(string path)
    {
        var entries = new Dictionary<string, (long Offset, long Length)>(StringComparer.Ordinal);
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
            using var reader = new TarReader(file, leaveOpen: true);
            while (reader.GetNextEntry(copyData: false) is { } entry)
            {
                if (entry.EntryType is TarEntryType.Directory or TarEntryType.GlobalExtendedAttributes)
                {
                    continue;
                }

                var name = entry.Name.StartsWith("./", StringComparison.Ordinal) ? entry.Name[2..] : entry.Name;
                if (entry.EntryType is not (TarEntryType.RegularFile or TarEntryType.V7RegularFile or TarEntryType.ContiguousFile))
                {
                    throw ExportErrors.Refuse(
                        $"'{Visible.Text(name)}' in '{Visible.Text(path)}' is no file: links and devices are not read.",
                        "Do not use it: no program that makes OVAs puts such into them.");
                }

                EnsureName(name, path);
                if (entry.Length < 0 || entry.DataOffset < 0 || entry.DataOffset + entry.Length > file.Length)
                {
                    throw ExportErrors.Truncated(path);
                }

                if (!entries.TryAdd(name, (entry.DataOffset, entry.Length)) || entries.Count > MostEntries)
                {
                    throw ExportErrors.Refuse(
                        $"'{Visible.Text(path)}' has '{Visible.Text(name)}' twice, or more than {MostEntries} files.",
                        "Do not use it: an OVA has few files, and each once.");
                }
            }
        }
        catch (EndOfStreamException)
        {
            throw ExportErrors.Truncated(path);
        }
        catch (Exception e) when (e is InvalidDataException or FormatException)
        {
            throw ExportErrors.Refuse(
                $"'{Visible.Text(path)}' is no OVA: it is no TAR archive, or a broken one.",
                "Give an OVA, an OVF, or the folder of an export.",
                e);
        }
        catch (Exception e) when (ExportErrors.IsOfFiles(e))
        {
            throw ExportErrors.Unreadable(path, e);
        }

        return entries.Count > 0 ? new PackageFiles(path, entries) : throw ExportErrors.Refuse(
            $"'{Visible.Text(path)}' is no OVA: there is nothing in it.", "Give an OVA, an OVF, or the folder of an export.");
    }

    /// <summary>Whether there is such a file.</summary>
    public bool Has(string name) => _entries?.ContainsKey(name) ?? File.Exists(PathOf(name));

    /// <summary>Opens one that must be there.</summary>
    public PackageFile Open(string name)
    {
        EnsureName(name, _path);
        if (!Has(name))
        {
            throw ExportErrors.Refuse(
                $"'{Visible.Text(name)}' is not in '{Visible.Text(_path)}'.", "Get all files of it: the whole folder, or the whole OVA.");
        }

        return _entries is null ? PackageFile.Open(PathOf(name), name)
            : PackageFile.Open(_path, name, _entries[name].Offset, _entries[name].Length);
    }

    /// <summary>Where a file of a folder is on this computer. A link may lead elsewhere.</summary>
    public string PathOf(string name)
    {
        EnsureName(name, _path);
        var path = Path.Combine(_path, name);
        return new FileInfo(path).LinkTarget is null ? path : throw ExportErrors.Refuse(
            $"'{Visible.Text(path)}' is a link, which may lead elsewhere.", "Put the file itself into the folder.");
    }

    private static void EnsureName(string name, string package)
    {
        if (name is "" or "." or ".." || name.AsSpan().IndexOfAny("/\\:\0") >= 0)
        {
            throw ExportErrors.Refuse(
                $"'{Visible.Text(name)}', which '{Visible.Text(package)}' names, is no name of a file: paths are not followed.",
                "Do not use it where it comes from somebody whom you do not trust. Else put its files into one folder, and name them so.");
        }
    }
}
