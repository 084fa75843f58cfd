using System.Globalization;
using System.Xml.Linq;

namespace Kumoi.Hypervisors.Libvirt;

/// <summary>
/// What a VM that is being migrated to several targets carries in its metadata, so that whoever finds it after the controller's death
/// knows what was going on: the operation, its candidates, and, on a target, the target's number. In a namespace of its own, because
/// libvirt keeps one element per namespace (https://libvirt.org/formatdomain.html#general-metadata), and what made the VM is to stay.
/// </summary>
internal static class SpeculationMetadata
{
    public const string Namespace = DomainDefinition.KumoiNamespace + "/speculation";

    /// <summary>libvirt gives the element this prefix.</summary>
    public const string Prefix = "kumoi-speculation";

    private static readonly XNamespace Speculation = Namespace;

    /// <summary>The element for the source: libvirt adds the namespace (libvirt-domain: virDomainSetMetadata).</summary>
    public static string Write(MigrationPlan plan) => Element(plan, XNamespace.None).ToString(SaveOptions.DisableFormatting);

    /// <summary>The definition for a target: the source's, with the target's number.</summary>
    public static string WithReplica(string definition, MigrationPlan plan, int replica)
    {
        XElement domain = DomainDefinition.Parse(definition);
        XElement? metadata = domain.Element("metadata");
        if (metadata is null)
        {
            metadata = new XElement("metadata");
            domain.Add(metadata);
        }

        metadata.Elements().Where(static element => element.Name.Namespace == Speculation).Remove();
        XElement mark = Element(plan, Speculation);
        mark.Add(new XAttribute(XNamespace.Xmlns + Prefix, Namespace), new XAttribute("replica", replica.ToString(CultureInfo.InvariantCulture)));
        metadata.Add(mark);
        return domain.ToString(SaveOptions.DisableFormatting);
    }

    /// <summary>Whose plan a definition carries; null: nobody's.</summary>
    public static OperationId? ReadOperation(string definition) =>
        Id(DomainDefinition.Parse(definition).Element("metadata")?.Elements().FirstOrDefault(static element => element.Name.Namespace == Speculation));

    /// <summary>The same of the element itself, which libvirt hands out without its namespace (libvirt-domain: virDomainGetMetadata).</summary>
    public static OperationId? ReadElement(string element) => Id(SafeXml.Parse(element));

    private static OperationId? Id(XElement? element) =>
        Guid.TryParse((string?)element?.Attribute("operation"), out Guid id) ? new OperationId(id) : null;

    private static XElement Element(MigrationPlan plan, XNamespace space) => new(
        space + "plan",
        new XAttribute("operation", plan.Operation.ToString()),
        plan.Candidates.Select(candidate => new XElement(space + "candidate", new XAttribute("name", candidate))));
}
