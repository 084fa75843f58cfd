using System.Xml.Linq;

namespace Kumoi.Hypervisors.Libvirt.Definitions;

/// <summary>
/// What a VM that was defined here carries in its metadata: which operation made it, and the volumes that were made for it. One
/// element with children, because libvirt keeps one element per namespace (https://libvirt.org/formatdomain.html#general-metadata).
/// It goes with the VM when that is migrated.
/// </summary>
internal static class KumoiMetadata
{
    public const string Namespace = DomainDefinition.KumoiNamespace;

    private static readonly XNamespace Kumoi = Namespace;

    /// <summary>Marks a domain. Marks of another operation, which a copied definition may carry, are removed.</summary>
    public static void Write(XElement domain, OperationId operation, IEnumerable<VolumePlan> volumes)
    {
        var metadata = domain.Element("metadata");
        if (metadata is null)
        {
            metadata = new XElement("metadata");
            domain.Add(metadata);
        }

        metadata.Elements().Where(static element => element.Name.Namespace == Kumoi).Remove();
        metadata.Add(new XElement(
            Kumoi + "operation",
            new XAttribute(XNamespace.Xmlns + "kumoi", Namespace),
            new XAttribute("id", operation.ToString()),
            volumes.Select(static volume => new XElement(
                Kumoi + "volume",
                new XAttribute("pool", volume.Pool),
                new XAttribute("name", volume.Name),
                volume.Content is null ? null : new XAttribute("seed", "yes")))));
    }

    /// <summary>
    /// The volumes that were made for the VM alone to read when it first starts: nobody else has them, whoever removes it.
    /// </summary>
    public static IReadOnlyList<(string Pool, string Name)> ReadSeeds(XElement domain) =>
    [
        .. from volume in domain.Elements("metadata").Elements(Kumoi + "operation").Elements(Kumoi + "volume")
           where (string?)volume.Attribute("seed") is "yes"
           let pool = (string?)volume.Attribute("pool")
           let name = (string?)volume.Attribute("name")
           where pool is not null && name is not null
           select (pool, name),
    ];

    /// <summary>
    /// The volumes, if the element is of that operation; else null. libvirt hands the element out without its namespace
    /// (libvirt-domain: virDomainGetMetadata).
    /// </summary>
    public static IReadOnlyList<(string Pool, string Name)>? ReadVolumes(string xml, OperationId operation)
    {
        var element = SafeXml.Parse(xml);
        var isOurs = Guid.TryParse((string?)element.Attribute("id"), out var id) && id == operation.Value;
        return isOurs
            ? [.. from volume in element.Elements()
                  where string.Equals(volume.Name.LocalName, "volume", StringComparison.Ordinal)
                  select ((string?)volume.Attribute("pool") ?? "", (string?)volume.Attribute("name") ?? "")]
            : null;
    }
}
