using System.Xml.Linq;

namespace Kumoi.Hypervisors;

/// <summary>
/// What a VM that replays a kept recording has in its metadata: the folder of its own files, which goes with it. Its id is of version 8
/// (RFC 9562), as no VM's is that was not made here: others are not asked for the mark.
/// </summary>
internal static class ReplayMark
{
    public const string Image = "image.qcow2";

    public const string Console = "console.log";

    /// <summary>A pattern of the names of all such folders.</summary>
    public const string AnyFolder = "replay-*";

    private static readonly XName Element = XName.Get("replay", DomainDefinition.KumoiNamespace + "/replay");

    /// <summary>An id for a VM that may carry the mark.</summary>
    public static Guid NewId()
    {
        var bytes = Guid.NewGuid().ToByteArray(bigEndian: true);
        bytes[6] = (byte)((bytes[6] & 0x0f) | 0x80);
        return new Guid(bytes, bigEndian: true);
    }

    public static bool MayBeOf(Guid id) => id.Version == 8;

    /// <summary>The name of the folder: what has another one is not such a VM's.</summary>
    public static string FolderNameOf(Guid id) => $"replay-{id:D}";

    /// <summary>Marks a definition.</summary>
    public static void Set(XElement domain, string folder)
    {
        var metadata = domain.Element("metadata");
        if (metadata is null)
        {
            metadata = new XElement("metadata");
            domain.Add(metadata);
        }

        metadata.Elements(Element).Remove();
        metadata.Add(new XElement(
            Element, new XAttribute(XNamespace.Xmlns + "replay", Element.NamespaceName), new XAttribute("folder", folder)));
    }

    /// <summary>The folder of a VM's own files; null: it has none.</summary>
    public static string? FolderOf(XElement domain) =>
        (string?)domain.Elements("metadata").Elements(Element).FirstOrDefault()?.Attribute("folder") is { } folder
        && Guid.TryParse((string?)domain.Element("uuid"), out var id)
        && Path.IsPathFullyQualified(folder) && Path.GetFileName(folder) == FolderNameOf(id) ? folder : null;

    /// <summary>
    /// Removes the files, and the folder if nobody has put anything else into it. False: this computer does not have them.
    /// </summary>
    /// <exception cref="IOException">They cannot be removed.</exception>
    public static bool Remove(string folder)
    {
        if (!Directory.Exists(folder))
        {
            return false;
        }

        foreach (var file in new[] { Image, Console })
        {
            File.Delete(Path.Combine(folder, file));
        }

        if (!Directory.EnumerateFileSystemEntries(folder).Any())
        {
            Directory.Delete(folder);
        }

        return true;
    }
}
