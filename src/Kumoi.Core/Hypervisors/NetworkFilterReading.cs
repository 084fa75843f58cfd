using System.Xml.Linq;

namespace Kumoi.Hypervisors;

/// <summary>A filter of a host for the packets of network adapters (https://libvirt.org/formatnwfilter.html).</summary>
public sealed record NetworkFilterReading
{
    public Guid Id { get; init; }

    public required string Name { get; init; }

    /// <summary>Which packets it sees, such as <c>root</c>, <c>arp</c>, <c>ipv4</c>; empty: not told.</summary>
    public string Chain { get; init; } = "";

    /// <summary>How many rules are its own.</summary>
    public int RuleCount { get; init; }

    /// <summary>The filters that it includes, in their order.</summary>
    public IReadOnlyList<string> Includes { get; init; } = [];

    /// <summary>All of it, in the hypervisor's own XML.</summary>
    public required string Xml { get; init; }

    /// <summary>Null: it is no XML of a filter.</summary>
    internal static NetworkFilterReading? Parse(string xml)
    {
        try
        {
            var filter = SafeXml.Parse(xml);
            return (string?)filter.Attribute("name") is { Length: > 0 } name ? new NetworkFilterReading
            {
                Id = Guid.TryParse((string?)filter.Element("uuid"), out var id) ? id : Guid.Empty,
                Name = name,
                Chain = (string?)filter.Attribute("chain") ?? "",
                RuleCount = filter.Elements("rule").Count(),
                Includes = [.. filter.Elements("filterref").Attributes("filter").Select(static one => one.Value)],
                Xml = xml,
            }
            : null;
        }
        catch (System.Xml.XmlException)
        {
            return null;
        }
    }
}
