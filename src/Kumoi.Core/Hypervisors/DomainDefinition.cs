using System.Xml;
using System.Xml.Linq;

namespace Kumoi.Hypervisors;

/// <summary>What both drivers need of domain XML (https://libvirt.org/formatdomain.html): safe parsing, the name, the memory.</summary>
internal static class DomainDefinition
{
    /// <summary>The namespace of what Kumoi writes into the metadata of a domain.</summary>
    public const string KumoiNamespace = "https://kumoi.dev/xmlns/1";

    /// <summary>Parses without DTDs and external entities.</summary>
    /// <exception cref="HypervisorException"><see cref="HypervisorError.InvalidSpecification"/>, with line and position.</exception>
    public static XElement Parse(string xml)
    {
        try
        {
            var root = SafeXml.Parse(xml);
            return string.Equals(root.Name.LocalName, "domain", StringComparison.Ordinal)
                ? root
                : throw Refuse($"The XML's root is <{root.Name.LocalName}>, not <domain>.");
        }
        catch (XmlException e)
        {
            throw Refuse("The VM's XML cannot be parsed: " + e.Message, e);
        }
    }

    /// <summary>
    /// The memory of a domain, in bytes; 0 where it has none. As libvirt: with NUMA cells it is what they have together, and it is a whole
    /// number of KiB.
    /// </summary>
    public static long MemoryBytes(XElement domain)
    {
        foreach (var other in new[] { domain.Element("currentMemory"), domain.Element("maxMemory") })
        {
            _ = ScaledInteger.Read(other, ScaledInteger.KiB);
        }

        foreach (var page in domain.Elements("memoryBacking").Elements("hugepages").Elements("page"))
        {
            _ = ScaledInteger.Read(page, "size", ScaledInteger.KiB);
        }

        var memory = ScaledInteger.Read(domain.Element("memory"), ScaledInteger.KiB) ?? 0;
        var cells = domain.Elements("cpu").Elements("numa").Elements("cell")
            .Select(static cell => ScaledInteger.Read(cell, "memory", ScaledInteger.KiB)).ToList();
        var bytes = cells.Exists(static cell => cell is > 0) ? cells.Sum(static cell => (decimal)(cell ?? 0)) : memory;
        var rounded = decimal.Ceiling(bytes / 1024) * 1024;
        return rounded <= long.MaxValue ? (long)rounded : throw Refuse($"{rounded} bytes are too much memory.");
    }

    private static HypervisorException Refuse(string message, Exception? inner = null) =>
        new(message, FaultDomain.VM, error: HypervisorError.InvalidSpecification, innerException: inner,
            recommendedAction: "Correct the XML; 'virsh dumpxml' of a working VM is a good start (https://libvirt.org/formatdomain.html).");
}
