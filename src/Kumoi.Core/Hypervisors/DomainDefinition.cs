using System.Globalization;
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

    /// <summary>The memory of a domain, or of any element with a <c>unit</c> (default KiB), in bytes; 0 where it is missing.</summary>
    public static long Bytes(XElement? memory)
    {
        if (memory is null || !long.TryParse(memory.Value.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var value))
        {
            return 0;
        }

        long unit = ((string?)memory.Attribute("unit") ?? "KiB") switch
        {
            "b" or "bytes" => 1,
            "KB" => 1_000,
            "k" or "KiB" => 1L << 10,
            "MB" => 1_000_000,
            "M" or "MiB" => 1L << 20,
            "GB" => 1_000_000_000,
            "G" or "GiB" => 1L << 30,
            "T" or "TiB" => 1L << 40,
            var other => throw Refuse($"The memory unit '{other}' is unknown."),
        };
        return value * unit;
    }

    private static HypervisorException Refuse(string message, Exception? inner = null) =>
        new(message, FaultDomain.VM, error: HypervisorError.InvalidSpecification, innerException: inner,
            recommendedAction: "Correct the XML; 'virsh dumpxml' of a working VM is a good start (https://libvirt.org/formatdomain.html).");
}
