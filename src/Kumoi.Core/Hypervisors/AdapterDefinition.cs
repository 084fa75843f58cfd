using System.Globalization;
using System.Security.Cryptography;
using System.Xml.Linq;

namespace Kumoi.Hypervisors;

/// <summary>Network adapters in domain XML (https://libvirt.org/formatdomain.html).</summary>
internal static class AdapterDefinition
{
    public static IEnumerable<XElement> Of(XElement domain) => domain.Elements("devices").Elements("interface");

    public static XElement? Find(XElement domain, string mac) =>
        Of(domain).FirstOrDefault(adapter => string.Equals(MacOf(adapter), mac, StringComparison.OrdinalIgnoreCase));

    public static AdapterReading Read(XElement adapter) => new()
    {
        MacAddress = MacOf(adapter).ToLowerInvariant(),
        Kind = (string?)adapter.Attribute("type") switch
        {
            "network" => AdapterKind.Network,
            "bridge" => AdapterKind.Bridge,
            "direct" => AdapterKind.Direct,
            "user" => AdapterKind.User,
            _ => AdapterKind.Other,
        },
        Source = SourceOf(adapter),
        Model = (string?)adapter.Element("model")?.Attribute("type") ?? "",
        IsConnected = (string?)adapter.Element("link")?.Attribute("state") is not "down",
        Vlan = (int?)Number(adapter.Element("vlan")?.Element("tag")?.Attribute("id")),
        InboundKiBPerSec = Number(adapter.Element("bandwidth")?.Element("inbound")?.Attribute("average")),
        OutboundKiBPerSec = Number(adapter.Element("bandwidth")?.Element("outbound")?.Attribute("average")),
        Filter = (string?)adapter.Element("filterref")?.Attribute("filter"),
        HostDevice = (string?)adapter.Element("target")?.Attribute("dev"),
    };

    public static XElement Build(string mac, AdapterSettings settings, string model)
    {
        var adapter = new XElement(
            "interface", new XElement("mac", new XAttribute("address", mac)), new XElement("model", new XAttribute("type", model)));
        return With(adapter, settings);
    }

    /// <summary>The adapter with other settings: all that is not said stays, whatever it is.</summary>
    public static XElement With(XElement adapter, AdapterSettings settings)
    {
        var changed = new XElement(adapter);
        if ((settings.Network ?? settings.Bridge) is { } name)
        {
            var kind = settings.Network is null ? "bridge" : "network";
            changed.SetAttributeValue("type", kind);
            changed.Elements("source").Remove();
            changed.Elements("virtualport").Remove(); // it was of the other end
            changed.Element("mac")!.AddAfterSelf(new XElement("source", new XAttribute(kind, name)));
        }

        if (settings.IsConnected is { } isConnected)
        {
            changed.Elements("link").Remove();
            changed.Add(new XElement("link", new XAttribute("state", isConnected ? "up" : "down")));
        }

        if (settings.Vlan is { } vlan)
        {
            changed.Elements("vlan").Remove();
            changed.Add(vlan == 0 ? null : new XElement("vlan", new XElement("tag", new XAttribute("id", vlan))));
        }

        if (settings.Filter is { } filter && filter != ((string?)changed.Element("filterref")?.Attribute("filter") ?? ""))
        {
            changed.Elements("filterref").Remove(); // with its parameters, which were that filter's
            changed.Add(filter.Length == 0 ? null : new XElement("filterref", new XAttribute("filter", filter)));
        }

        Limit(changed, "inbound", settings.InboundKiBPerSec);
        Limit(changed, "outbound", settings.OutboundKiBPerSec);
        return changed;
    }

    /// <summary>A MAC address of QEMU's own range.</summary>
    public static string DrawMac() => string.Join(
        ':', ((byte[])[0x52, 0x54, 0, .. RandomNumberGenerator.GetBytes(3)])
            .Select(static one => one.ToString("x2", CultureInfo.InvariantCulture)));

    public static HypervisorException NoAdapter(string vm, string mac) => new(
        $"'{vm}' has no network adapter '{mac}'.", FaultDomain.VM, error: HypervisorError.AdapterNotFound,
        recommendedAction: "Get-KumoiNetworkAdapter lists the adapters of the VM.");

    public static HypervisorException Exists(string vm, string mac) => new(
        $"'{vm}' has a network adapter '{mac}' already.", FaultDomain.VM, error: HypervisorError.InvalidState,
        recommendedAction: "Give another MAC address, or none.");

    private static string MacOf(XElement adapter) => (string?)adapter.Element("mac")?.Attribute("address") ?? "";

    private static string? SourceOf(XElement adapter)
    {
        var source = adapter.Element("source");
        return (string?)source?.Attribute("network") ?? (string?)source?.Attribute("bridge") ?? (string?)source?.Attribute("dev");
    }

    private static void Limit(XElement adapter, string direction, long? average)
    {
        if (average is not { } wanted)
        {
            return;
        }

        if (adapter.Element("bandwidth") is not { } bandwidth)
        {
            bandwidth = new XElement("bandwidth");
            adapter.Add(bandwidth);
        }

        bandwidth.Elements(direction).Remove();
        bandwidth.Add(wanted == 0 ? null : new XElement(direction, new XAttribute("average", wanted)));
        if (!bandwidth.HasElements)
        {
            bandwidth.Remove();
        }
    }

    private static long? Number(XAttribute? attribute) =>
        long.TryParse((string?)attribute, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}
