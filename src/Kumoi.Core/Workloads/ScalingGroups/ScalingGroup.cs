using System.Globalization;
using System.Xml.Linq;
using Kumoi.Hypervisors;

namespace Kumoi.Workloads.ScalingGroups;

/// <summary>Which VMs belong to a group. Each carries the group's name in its metadata, and is never removed without it.</summary>
internal static class ScalingGroup
{
    /// <summary>Of its own: libvirt keeps one element of each namespace.</summary>
    private static readonly XNamespace Namespace = "https://kumoi.dev/xmlns/1/scaling";

    /// <summary>The number of the VM in the group; 0: by its name it is none of them.</summary>
    public static int NumberOf(string group, string vm) =>
        vm.Length > group.Length + 1 && vm.StartsWith(group, StringComparison.Ordinal) && vm[group.Length] == '-'
        && int.TryParse(vm.AsSpan(group.Length + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : 0;

    public static string NameOf(string group, int number) => string.Create(CultureInfo.InvariantCulture, $"{group}-{number}");

    /// <summary>Puts the mark on the definition of a clone, in the place of any other that its master may carry.</summary>
    public static void Mark(XElement domain, string group)
    {
        if (domain.Element("metadata") is not { } metadata)
        {
            metadata = new XElement("metadata");
            domain.Add(metadata);
        }

        metadata.Elements(Namespace + "group").Remove();
        metadata.Add(new XElement(
            Namespace + "group", new XAttribute(XNamespace.Xmlns + "kumoi-scaling", Namespace), new XAttribute("name", group)));
    }

    /// <summary>Whether a definition carries the mark.</summary>
    public static bool IsMarked(string xml, string group) =>
        string.Equals(
            (string?)SafeXml.Parse(xml).Element("metadata")?.Element(Namespace + "group")?.Attribute("name"), group,
            StringComparison.Ordinal);
}
