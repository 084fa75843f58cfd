using System.Globalization;
using System.Xml.Linq;

namespace Kumoi.Hypervisors;

/// <summary>
/// A <see cref="SpeculationMark"/> in domain XML. In a namespace of its own, because libvirt keeps one element per namespace
/// (https://libvirt.org/formatdomain.html#general-metadata), and what made the VM is to stay.
/// </summary>
internal static class SpeculationMetadata
{
    public const string Namespace = DomainDefinition.KumoiNamespace + "/speculation";

    /// <summary>libvirt gives the element this prefix.</summary>
    public const string Prefix = "kumoi-speculation";

    private static readonly XNamespace Speculation = Namespace;

    /// <summary>The element alone: libvirt adds the namespace (libvirt-domain: virDomainSetMetadata).</summary>
    public static string Write(SpeculationMark mark) => Element(mark, XNamespace.None).ToString(SaveOptions.DisableFormatting);

    /// <summary>Marks a definition, in place of the mark that it carries; null: it carries none then.</summary>
    public static void Set(XElement domain, SpeculationMark? mark)
    {
        var metadata = domain.Element("metadata");
        metadata?.Elements().Where(static element => element.Name.Namespace == Speculation).Remove();
        if (mark is null)
        {
            return;
        }

        if (metadata is null)
        {
            metadata = new XElement("metadata");
            domain.Add(metadata);
        }

        var element = Element(mark, Speculation);
        element.Add(new XAttribute(XNamespace.Xmlns + Prefix, Namespace));
        metadata.Add(element);
    }

    /// <summary>The mark that a definition carries; null: none that can be read.</summary>
    public static SpeculationMark? Read(string definition) =>
        Read(DomainDefinition.Parse(definition).Element("metadata")?.Elements()
            .FirstOrDefault(static element => element.Name.Namespace == Speculation));

    /// <summary>
    /// The same of the element itself, which libvirt hands out without its namespace (libvirt-domain: virDomainGetMetadata).
    /// </summary>
    public static SpeculationMark? ReadElement(string element) => Read(SafeXml.Parse(element));

    private static SpeculationMark? Read(XElement? element) =>
        Guid.TryParse((string?)element?.Attribute("operation"), out var id)
            ? new SpeculationMark(
                new OperationId(id),
                (string?)element!.Attribute("kind") is StartKind,
                (string?)element.Attribute("home"),
                [.. element.Elements().Select(static candidate => (string?)candidate.Attribute("name")).OfType<string>()],
                (string?)element.Attribute("controller") ?? "")
            {
                Replica = int.TryParse((string?)element.Attribute("replica"), NumberStyles.None, CultureInfo.InvariantCulture,
                    out var replica) ? replica : 0,
                IsNamed = element.Attribute("named") is not null,
                IsStrict = element.Attribute("strict") is not null,
                IsAutostart = element.Attribute("autostart") is not null,
            }
            : null;

    private const string StartKind = "start";

    private static XElement Element(SpeculationMark mark, XNamespace space) => new(
        space + "plan",
        new XAttribute("operation", mark.Operation.ToString()),
        new XAttribute("kind", mark.IsStart ? StartKind : "migrate"),
        mark.Home is null ? null : new XAttribute("home", mark.Home),
        new XAttribute("controller", mark.Controller),
        mark.Replica is 0 ? null : new XAttribute("replica", mark.Replica.ToString(CultureInfo.InvariantCulture)),
        mark.IsNamed ? new XAttribute("named", "yes") : null,
        mark.IsStrict ? new XAttribute("strict", "yes") : null,
        mark.IsAutostart ? new XAttribute("autostart", "yes") : null,
        mark.Candidates.Select(candidate => new XElement(space + "candidate", new XAttribute("name", candidate))));
}
