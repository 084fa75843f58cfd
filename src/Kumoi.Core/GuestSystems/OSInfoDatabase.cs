using System.Globalization;
using System.Xml;
using System.Xml.Linq;
using Kumoi.Hypervisors;

namespace Kumoi.GuestSystems;

/// <summary>
/// libosinfo's database of operating systems (https://libosinfo.org/database-format), on this computer, read as the XML files that it is.
/// What an administrator has added goes before what was installed.
/// </summary>
public sealed class OSInfoDatabase
{
    private const string Virtio = "http://pcisig.com/pci/1af4/";
    private const int MaxGenerations = 64;
    private const long MaxFileBytes = 4 << 20;

    // The older and the newer kind of each device.
    private static readonly string[] Disks = [Virtio + "1001", Virtio + "1042"];
    private static readonly string[] NetworkCards = [Virtio + "1000", Virtio + "1041"];

    private static readonly Lock Gate = new();
    private static (string Key, OSInfoDatabase Database)? _last;

    private readonly Dictionary<string, XElement> _byId = new(StringComparer.Ordinal);
    private readonly Dictionary<string, XElement> _byShortId = new(StringComparer.OrdinalIgnoreCase);

    private OSInfoDatabase()
    {
    }

    /// <summary>The short ids and names of all systems.</summary>
    public IEnumerable<(string ShortId, string Name)> Systems =>
        _byShortId.Select(static one => (one.Key, (string?)one.Value.Element("name") ?? one.Key));

    /// <summary>Reads the database; null: there is none on this computer. What was read once is kept as long as its folders stay.</summary>
    public static OSInfoDatabase? Open()
    {
        var folders = Folders().Where(System.IO.Directory.Exists).ToList();
        if (folders.Count == 0)
        {
            return null;
        }

        var key = string.Join('\n', folders.Select(static folder => FormattableString.Invariant(
            $"{folder} {System.IO.Directory.GetLastWriteTimeUtc(folder):O}")));
        lock (Gate)
        {
            if (_last is { } last && last.Key == key)
            {
                return last.Database;
            }

            var database = Read(folders);
            _last = (key, database);
            return database;
        }
    }

    /// <summary>A system by its short id, or by its whole one; null: there is none of that name.</summary>
    public GuestSystem? Find(string id)
    {
        if (_byShortId.GetValueOrDefault(id) is not { } system && !_byId.TryGetValue(id, out system!))
        {
            return null;
        }

        var line = LineOf(system);
        var devices = new Dictionary<string, bool>(StringComparer.Ordinal);
        foreach (var device in line.SelectMany(static one => one.Elements("devices").Elements("device")))
        {
            // The youngest generation decides.
            devices.TryAdd((string?)device.Attribute("id") ?? "", (string?)device.Attribute("supported") is not "false");
        }

        return new GuestSystem
        {
            Id = (string?)system.Attribute("id") ?? "",
            ShortId = (string?)system.Element("short-id") ?? id,
            Name = (string?)system.Element("name") ?? "",
            IsWindows = (string?)system.Element("family") is "winnt",
            HasVirtioDisks = Array.Exists(Disks, devices.GetValueOrDefault),
            HasVirtioNetwork = Array.Exists(NetworkCards, devices.GetValueOrDefault),
            MinimumMemoryBytes = MemoryOf(system, "minimum"),
            RecommendedMemoryBytes = MemoryOf(system, "recommended"),
        };
    }

    /// <summary>What to do where there is no database, or no such system in it.</summary>
    public static HypervisorException NotFound(string id, bool isInstalled) => new(
        isInstalled
            ? $"The database of operating systems (osinfo-db) has none that is called '{Visible.Text(id)}'."
            : "This computer has no database of operating systems (osinfo-db).",
        FaultDomain.VM, error: HypervisorError.InvalidSpecification,
        recommendedAction: isInstalled
            ? "Give one that Tab completes, or leave -OSVariant out; newer ones come with a newer osinfo-db."
            : "Install it (Debian, Fedora: the package osinfo-db), name its folder in OSINFO_SYSTEM_DIR, or leave -OSVariant out.");

    private static IEnumerable<string> Folders()
    {
        var user = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        yield return Named("OSINFO_USER_DIR", Path.Combine(user, ".config", "osinfo"));
        yield return Named("OSINFO_LOCAL_DIR", "/etc/osinfo");
        yield return Named("OSINFO_SYSTEM_DIR", "/usr/share/osinfo");

        static string Named(string variable, string otherwise) => Path.Combine(
            Environment.GetEnvironmentVariable(variable) is { Length: > 0 } named ? named : otherwise, "os");
    }

    /// <summary>Of these folders, the first before those after it.</summary>
    internal static OSInfoDatabase Read(IReadOnlyList<string> folders)
    {
        var database = new OSInfoDatabase();
        foreach (var file in folders.SelectMany(static folder =>
            System.IO.Directory.EnumerateFiles(folder, "*.xml", SearchOption.AllDirectories).Order(StringComparer.Ordinal)))
        {
            database.Add(file);
        }

        return database;
    }

    /// <summary>A file that cannot be read has nothing to say: others may be whole.</summary>
    private void Add(string file)
    {
        try
        {
            if (new FileInfo(file).Length > MaxFileBytes)
            {
                return;
            }

            foreach (var system in SafeXml.Parse(File.ReadAllText(file)).Elements("os"))
            {
                if ((string?)system.Attribute("id") is not { } id || !_byId.TryAdd(id, system))
                {
                    continue;
                }

                foreach (var name in system.Elements("short-id"))
                {
                    _byShortId.TryAdd(name.Value, system);
                }
            }
        }
        catch (Exception e) when (e is XmlException or IOException or UnauthorizedAccessException)
        {
        }
    }

    /// <summary>It, and what it derives from, the youngest first.</summary>
    private List<XElement> LineOf(XElement system)
    {
        List<XElement> line = [system];
        for (var i = 0; i < line.Count && line.Count < MaxGenerations; i++)
        {
            foreach (var parent in line[i].Elements("derives-from").Concat(line[i].Elements("clones")))
            {
                if (_byId.TryGetValue((string?)parent.Attribute("id") ?? "", out var found) && !line.Contains(found))
                {
                    line.Add(found);
                }
            }
        }

        return line;
    }

    private static long? MemoryOf(XElement system, string kind)
    {
        var all = system.Elements("resources").Where(static one => (string?)one.Attribute("arch") is "all" or "x86_64")
            .Elements(kind).Elements("ram").ToList();
        return all.Count > 0 && long.TryParse(all[^1].Value, NumberStyles.None, CultureInfo.InvariantCulture, out var bytes) && bytes > 0
            ? bytes : null;
    }
}
