namespace Kumoi.Hypervisors.Libvirt.Definitions;

/// <summary>What kind of domain a host runs best: its own architecture, with hardware help where there is any.</summary>
/// <param name="DomainType">Such as <c>kvm</c>.</param>
/// <param name="OSType">Such as <c>hvm</c>.</param>
/// <param name="Architecture">Such as <c>x86_64</c>.</param>
internal sealed record HostCapabilities(string DomainType, string OSType, string Architecture)
{
    /// <summary>Reads libvirt's capabilities (https://libvirt.org/formatcaps.html). Null if the host runs no guests at all.</summary>
    public static HostCapabilities? Parse(string xml)
    {
        var root = SafeXml.Parse(xml);
        var hostArchitecture = root.Element("host")?.Element("cpu")?.Element("arch")?.Value;
        var offers =
            from guest in root.Elements("guest")
            from architecture in guest.Elements("arch")
            from domain in architecture.Elements("domain")
            select new HostCapabilities(
                (string?)domain.Attribute("type") ?? "",
                guest.Element("os_type")?.Value ?? "hvm",
                (string?)architecture.Attribute("name") ?? "");
        return offers
            .OrderByDescending(offer => string.Equals(offer.Architecture, hostArchitecture, StringComparison.Ordinal))
            .ThenByDescending(static offer => string.Equals(offer.OSType, "hvm", StringComparison.Ordinal))
            .ThenByDescending(static offer => string.Equals(offer.DomainType, "kvm", StringComparison.Ordinal))
            .FirstOrDefault();
    }
}
