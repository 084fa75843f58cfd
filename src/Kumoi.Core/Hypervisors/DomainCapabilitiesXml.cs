using System.Xml;
using System.Xml.Linq;

namespace Kumoi.Hypervisors;

/// <summary>Reads libvirt's domain capabilities (https://libvirt.org/formatdomaincaps.html).</summary>
internal static class DomainCapabilitiesXml
{
    /// <summary>What is not said is not there.</summary>
    /// <exception cref="XmlException">It is no such document.</exception>
    public static DomainCapabilities Parse(string xml, string osType)
    {
        var root = SafeXml.Parse(xml);
        if (root.Name.LocalName is not "domainCapabilities")
        {
            throw new XmlException($"The root is <{root.Name.LocalName}>, not <domainCapabilities>.");
        }

        var os = root.Element("os");
        var loader = os?.Element("loader");
        var devices = root.Element("devices");
        var modes = root.Elements("cpu").Elements("mode").Where(IsSupported).ToList();
        return new DomainCapabilities
        {
            DomainType = root.Element("domain")?.Value ?? "",
            Architecture = root.Element("arch")?.Value ?? "",
            OSType = osType,
            MachineType = root.Element("machine")?.Value ?? "",
            HasUefi = Values(os, "firmware").Contains("efi", StringComparer.Ordinal),
            HasSecureBoot = Values(os, "firmware").Contains("efi", StringComparer.Ordinal) && loader is not null && IsSupported(loader)
                && Values(loader, "secure").Contains("yes", StringComparer.Ordinal),
            CpuModes = [.. modes.Select(static mode => (string?)mode.Attribute("name")).OfType<string>()],
            CpuModels =
            [
                .. modes.Where(static mode => (string?)mode.Attribute("name") is "custom").Elements("model")
                    .Where(static model => (string?)model.Attribute("usable") is not "no").Select(static model => model.Value),
            ],
            DiskBuses = Values(Supported(devices, "disk"), "bus"),
            GraphicsTypes = Values(Supported(devices, "graphics"), "type"),
            VideoModels = Values(Supported(devices, "video"), "modelType"),
            HasRng = Values(Supported(devices, "rng"), "backendModel").Contains("random", StringComparer.Ordinal),
            HasTpm = HasEmulatedTpm(Supported(devices, "tpm")),
        };
    }

    private static bool HasEmulatedTpm(XElement? tpm)
    {
        var versions = Values(tpm, "backendVersion"); // hosts before libvirt 8 do not say
        return Values(tpm, "backendModel").Contains("emulator", StringComparer.Ordinal)
            && (versions.Length == 0 || versions.Contains("2.0", StringComparer.Ordinal));
    }

    private static bool IsSupported(XElement element) => (string?)element.Attribute("supported") is "yes";

    private static XElement? Supported(XElement? parent, string name) =>
        parent?.Element(name) is { } element && IsSupported(element) ? element : null;

    private static string[] Values(XElement? parent, string name) =>
    [
        .. parent?.Elements("enum").Where(one => (string?)one.Attribute("name") == name).Elements("value").Select(static one => one.Value)
            ?? [],
    ];
}
