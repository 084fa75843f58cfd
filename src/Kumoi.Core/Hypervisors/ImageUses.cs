using System.Xml.Linq;

namespace Kumoi.Hypervisors;

/// <summary>
/// Who uses the images of a host, apart from one VM that is to be removed with its own: other VMs' definitions, and volumes that are built
/// on them. What is not known may use all of them.
/// </summary>
internal sealed class ImageUses
{
    /// <summary>Formats that may be built on a backing file.</summary>
    private static readonly HashSet<string> LayeredFormats =
        new(StringComparer.Ordinal) { "qcow2", "qcow", "qed", "vmdk", "vhdx", "vpc", "cow" };

    private readonly List<(string VM, List<string> Texts)> _definitions = [];
    private readonly List<(string VM, string Pool, string Volume)> _references = [];
    private readonly List<(string Path, string What)> _open = []; // images whose backing files the definition does not tell
    private readonly HashSet<string> _closed = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Volume> _volumes = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Pool, string Volume), string> _paths = [];
    private readonly List<string> _unknown = [];

    /// <summary>A definition of a VM, or one of its snapshots; of the same VM there may be several.</summary>
    public void AddDefinition(string vm, XElement definition)
    {
        _definitions.Add((vm, [.. Texts(definition)]));
        foreach (var source in definition.Descendants("source"))
        {
            if ((string?)source.Attribute("pool") is { } pool && (string?)source.Attribute("volume") is { } volume)
            {
                _references.Add((vm, pool, volume));
            }
        }

        foreach (var disk in definition.DescendantsAndSelf("domain").Elements("devices").Elements("disk"))
        {
            AddChain(vm, disk);
        }
    }

    /// <summary>A volume of a storage pool.</summary>
    /// <param name="pool">The pool's name.</param>
    /// <param name="name">Its name in the pool.</param>
    /// <param name="path">Its path on the host.</param>
    /// <param name="backing">The image that it is built on; null: none.</param>
    /// <param name="backingFormat">The format of that.</param>
    public void AddVolume(string pool, string name, string path, string? backing, string? backingFormat)
    {
        path = ImagePath.Normalize(path);
        _paths[(pool, name)] = path;
        _volumes[path] = new Volume(backing is null ? null : ImagePath.Normalize(backing));
        if (backing is not null && backingFormat is not null && LayeredFormats.Contains(backingFormat))
        {
            _open.Add((ImagePath.Normalize(backing), $"the volume '{path}' is built on '{ImagePath.Normalize(backing)}'"));
        }
    }

    /// <summary>Something may use any of the images.</summary>
    /// <param name="why">Why it is not known: a clause.</param>
    public void AddUnknown(string why) => _unknown.Add(why);

    /// <summary>Who uses an image, or may, as a clause; null: nobody.</summary>
    public string? FindUse(string path) => FindUse(path, []);

    /// <summary>Who is known to use an image, as a clause; null: nobody is.</summary>
    public string? FindKnownUse(string path)
    {
        path = ImagePath.Normalize(path);
        return NamedBy(path) is { } vm ? $"the VM '{vm}' uses it"
            : BuiltOn(path).FirstOrDefault() is { } overlay ? $"'{overlay}' is built on it" : null;
    }

    /// <summary>Who is known to use something in a storage pool, as a clause; null: nobody is.</summary>
    /// <param name="pool">The pool's name.</param>
    /// <param name="directory">Where it has its volumes; null: they have no paths.</param>
    public string? FindUseOfPool(string pool, string? directory)
    {
        directory = directory is null ? null : ImagePath.Normalize(directory);
        var vm = _references.Find(one => one.Pool == pool).VM ?? _definitions.Find(
            one => directory is not null && one.Texts.Exists(text => ImagePath.HasFileOf(directory, text))).VM;
        return vm is not null ? $"the VM '{vm}' uses what is in it"
            : _volumes.FirstOrDefault(one => directory is not null && one.Value.Backing is { } backing
                && ImagePath.DirectoryOf(backing) == directory && ImagePath.DirectoryOf(one.Key) != directory).Key is { } overlay
            ? $"'{overlay}' is built on what is in it" : null;
    }

    /// <summary>The volumes that are built on this one, as far as storage pools know.</summary>
    public IEnumerable<string> BuiltOn(string path)
    {
        path = ImagePath.Normalize(path);
        return _volumes.Where(volume => string.Equals(volume.Value.Backing, path, StringComparison.Ordinal))
            .Select(static volume => volume.Key);
    }

    /// <summary>The image and those that it is built on, the nearest first, as far as storage pools know.</summary>
    public List<string> ChainOf(string path)
    {
        List<string> chain = [];
        for (var next = ImagePath.Normalize(path); next is not null && !chain.Contains(next);
            next = _volumes.GetValueOrDefault(next).Backing)
        {
            chain.Add(next);
        }

        return chain;
    }

    /// <summary>
    /// Deletes those images that nobody uses, each before what it is built on. Returns a sentence for each that stays.
    /// </summary>
    /// <param name="host">Names the host.</param>
    /// <param name="paths">The images of the VM that is to be removed.</param>
    /// <param name="delete">Deletes one.</param>
    public List<string> RemoveUnused(string host, IEnumerable<string> paths, Action<string> delete)
    {
        var left = paths.Distinct(StringComparer.Ordinal).ToList();
        var removed = new HashSet<string>(StringComparer.Ordinal);
        while (left.Find(path => FindUse(path, removed) is null) is { } next)
        {
            delete(next);
            left.Remove(next);
            removed.Add(ImagePath.Normalize(next));
        }

        return [.. left.Select(path => $"'{path}' on {host} stays: {FindUse(path, removed)}.")];
    }

    /// <summary>Who uses an image, as a clause; null: nobody.</summary>
    private string? FindUse(string path, HashSet<string> removed)
    {
        path = ImagePath.Normalize(path);
        if (NamedBy(path) is { } vm)
        {
            return $"the VM '{vm}' uses it";
        }

        foreach (var (overlay, _) in _volumes.Where(
            volume => string.Equals(volume.Value.Backing, path, StringComparison.Ordinal) && !removed.Contains(volume.Key)))
        {
            return VMAbove(overlay, []) is { } user
                ? $"the disk '{overlay}' of the VM '{user}' is built on it"
                : $"the volume '{overlay}' is built on it";
        }

        if (_unknown.Count > 0)
        {
            return $"it is not known whether others use it, because {_unknown[0]}";
        }

        foreach (var (open, what) in _open)
        {
            if (!_closed.Contains(open) && !_volumes.ContainsKey(open))
            {
                return $"it is not known whether others use it, because {what}, which is in no active storage pool";
            }
        }

        return null;
    }

    private string? NamedBy(string path)
    {
        foreach (var (vm, texts) in _definitions)
        {
            if (texts.Exists(text => ImagePath.IsNamedIn(path, text)))
            {
                return vm;
            }
        }

        foreach (var (vm, pool, volume) in _references)
        {
            if (_paths.TryGetValue((pool, volume), out var found) && string.Equals(found, path, StringComparison.Ordinal))
            {
                return vm;
            }
        }

        return null;
    }

    /// <summary>The VM that uses an image, or one that is built on it.</summary>
    private string? VMAbove(string path, HashSet<string> seen)
    {
        if (!seen.Add(path))
        {
            return null;
        }

        return NamedBy(path) ?? _volumes.Where(volume => string.Equals(volume.Value.Backing, path, StringComparison.Ordinal))
            .Select(volume => VMAbove(volume.Key, seen)).FirstOrDefault(static vm => vm is not null);
    }

    private void AddChain(string vm, XElement disk)
    {
        if (DomainCopy.ImageOf(disk) is not { } image)
        {
            return;
        }

        // While the VM runs, libvirt tells the whole chain, and ends it with an empty element.
        if (disk.Descendants("backingStore").Any(static layer => !layer.HasElements))
        {
            var chain = disk.DescendantsAndSelf().Where(static layer => layer.Name.LocalName is "disk" or "backingStore")
                .Select(DomainCopy.ImageOf);
            _closed.UnionWith(chain.OfType<string>().Select(ImagePath.Normalize));
        }
        else if ((string?)disk.Element("driver")?.Attribute("type") is { } format && LayeredFormats.Contains(format))
        {
            _open.Add((ImagePath.Normalize(image), $"the VM '{vm}' has the disk '{image}'"));
        }
    }

    /// <summary>All that may be a path, without what only people read.</summary>
    private static IEnumerable<string> Texts(XElement definition) =>
        from element in definition.Elements().Where(
            static child => child.Name.LocalName is not ("metadata" or "description" or "title" or "name"))
            .DescendantsAndSelf()
        from text in element.Attributes().Where(static attribute => !attribute.IsNamespaceDeclaration)
            .Select(static attribute => attribute.Value)
            .Concat(element.HasElements ? [] : [element.Value])
        where text.Contains('/', StringComparison.Ordinal)
        select text;

    private readonly record struct Volume(string? Backing);
}
