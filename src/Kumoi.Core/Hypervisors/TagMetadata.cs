using System.Xml.Linq;

namespace Kumoi.Hypervisors;

/// <summary>
/// The tags of a VM in its domain XML. In a namespace of their own, because libvirt keeps one element per namespace
/// (https://libvirt.org/formatdomain.html#general-metadata).
/// </summary>
internal static class TagMetadata
{
    public const string Namespace = DomainDefinition.KumoiNamespace + "/tags";

    private const string Prefix = "kumoi-tags";

    private static readonly XNamespace Tags = Namespace;

    /// <summary>In place of those that the definition has; of none there is no element.</summary>
    public static void Set(XElement domain, IReadOnlyList<string> tags)
    {
        var metadata = domain.Element("metadata");
        metadata?.Elements().Where(static element => element.Name.Namespace == Tags).Remove();
        if (tags.Count == 0)
        {
            return;
        }

        if (metadata is null)
        {
            domain.Add(metadata = new XElement("metadata"));
        }

        metadata.Add(new XElement(
            Tags + "tags",
            new XAttribute(XNamespace.Xmlns + Prefix, Namespace),
            tags.Distinct(StringComparer.Ordinal).Select(static tag => new XElement(Tags + "tag", tag))));
    }

    public static IReadOnlyList<string> Read(XElement domain) =>
        [.. domain.Elements("metadata").Elements(Tags + "tags").Elements(Tags + "tag").Select(static tag => tag.Value)];
}
