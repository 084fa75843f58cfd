using System.Xml.Linq;

namespace Kumoi.Hypervisors;

/// <summary>What a standby has in its metadata: that it is one, whose, and which attempt at a checkpoint it is for.</summary>
internal static class StandbyMark
{
    public const string Namespace = DomainDefinition.KumoiNamespace + "/standby";

    private static readonly XName Element = XName.Get("standby", Namespace);

    public static XElement Of(Guid vm, string attempt) => new(
        Element, new XAttribute(XNamespace.Xmlns + "standby", Namespace), new XAttribute("vm", vm.ToString("D")),
        new XAttribute("attempt", attempt));

    public static bool Is(XElement element) => element.Name == Element;

    /// <summary>Whether what libvirt has under the namespace, which it gives without that, is of the VM.</summary>
    public static bool IsOf(Guid vm, XElement element) =>
        Guid.TryParse((string?)element.Attribute("vm"), out var marked) && marked == vm;

    /// <summary>The attempt of a standby, by its domain's definition; null: it is none.</summary>
    public static string? AttemptOf(XElement domain) =>
        (string?)domain.Elements("metadata").Elements().FirstOrDefault(Is)?.Attribute("attempt");
}
