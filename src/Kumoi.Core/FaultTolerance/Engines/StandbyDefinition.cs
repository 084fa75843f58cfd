using System.Xml.Linq;
using Kumoi.FaultTolerance.Pairs;
using Kumoi.Hypervisors;

namespace Kumoi.FaultTolerance.Engines;

/// <summary>The domain XML of a standby: that of the VM as it runs, as a domain of its own that waits for the VM's state.</summary>
internal static class StandbyDefinition
{
    private static readonly XNamespace Qemu = "http://libvirt.org/schemas/domain/qemu/1.0";

    /// <summary>Makes it.</summary>
    /// <param name="live">The live definition of the VM, which may itself be a standby that has taken over.</param>
    /// <param name="plan">The pair.</param>
    /// <param name="serving">Which standby the VM is; null: itself.</param>
    /// <param name="number">Which standby is made.</param>
    /// <param name="attempt">Tells its state from that of another one of the same number.</param>
    public static XElement Of(XElement live, PairPlan plan, int? serving, int number, string attempt)
    {
        var domain = new XElement(live);
        domain.Attribute("id")?.Remove();
        domain.Element("seclabel")?.Remove();
        domain.SetElementValue("uuid", PairDomains.Of(plan.VM, number).ToString("D"));
        var name = (string?)domain.Element("name") ?? "";
        var suffix = Suffix(serving);
        domain.SetElementValue("name", (name.EndsWith(suffix, StringComparison.Ordinal) ? name[..^suffix.Length] : name) + Suffix(number));

        var metadata = domain.Element("metadata");
        if (metadata is null)
        {
            metadata = new XElement("metadata");
            domain.Add(metadata);
        }

        metadata.Elements().Where(StandbyMark.Is).Remove();
        metadata.Add(StandbyMark.Of(plan.VM, attempt));

        foreach (var source in domain.Elements("devices").Elements().Elements("source")
            .Where(source => (string?)source.Attribute("path") == plan.ConsoleSocketOf(serving)).ToList())
        {
            // A standby is there longer than a controller may live: its console finds the next one's gate.
            source.SetAttributeValue("path", plan.ConsoleSocketOf(number));
            source.Element("reconnect")?.Remove();
            source.Add(new XElement("reconnect", new XAttribute("enabled", "yes"), new XAttribute("timeout", "1")));
        }

        // libvirt names a card's tap, and takes no name of its own as given.
        domain.Elements("devices").Elements("interface").Elements("target").Remove();

        var arguments = domain.Element(Qemu + "commandline");
        if (arguments is null)
        {
            domain.SetAttributeValue(XNamespace.Xmlns + "qemu", Qemu.NamespaceName);
            arguments = new XElement(Qemu + "commandline");
            domain.Add(arguments);
        }

        if (!arguments.Elements().Any(static argument => (string?)argument.Attribute("value") is "-incoming"))
        {
            arguments.Add(Argument("-incoming"), Argument("defer"));
        }

        return domain;
    }

    private static XElement Argument(string value) => new(Qemu + "arg", new XAttribute("value", value));

    private static string Suffix(int? number) => number is null ? "" : FormattableString.Invariant($"-ck{number}");
}
