using System.Xml.Linq;

namespace Kumoi.Hypervisors;

/// <summary>What a standby has in its metadata: that it is one, and whose.</summary>
internal static class StandbyMark
{
    public const string Namespace = "https://kumoi.dev/xmlns/standby/1";

    private static readonly XName Element = XName.Get("standby", Namespace);

    public static XElement Of(Guid vm) =>
        new(Element, new XAttribute(XNamespace.Xmlns + "standby", Namespace), new XAttribute("vm", vm.ToString("D")));

    public static bool IsOf(Guid vm, XElement element) =>
        element.Name == Element && Guid.TryParse((string?)element.Attribute("vm"), out var marked) && marked == vm;
}
