using System.Xml.Linq;

namespace Kumoi.Hypervisors;

/// <summary>What both drivers need to put one definition in the place of another.</summary>
internal static class Redefinition
{
    /// <summary>The longest definition that the journal keeps.</summary>
    private const int MaxJournalLength = 64 << 10;

    /// <summary>
    /// The definition that is asked for, with what only the one before has and people do not see: marks of Kumoi, which say what belongs
    /// to the VM and who works on it, and passwords of screens.
    /// </summary>
    /// <param name="before">As the host has it now, with secrets.</param>
    /// <param name="expected">As it was when it was read.</param>
    /// <param name="xml">What it is to be.</param>
    /// <exception cref="HypervisorException">
    /// InvalidSpecification: it is no domain XML, or that of another VM. InvalidState: somebody has changed it.
    /// </exception>
    public static XElement Make(string before, string expected, string xml)
    {
        var old = DomainDefinition.Parse(before);
        var name = (string?)old.Element("name") ?? "";
        var wanted = DomainDefinition.Parse(xml);
        EnsureSame(name, "name", name, (string?)wanted.Element("name"));
        EnsureSame(name, "uuid", Id(old), Id(wanted));
        if (!string.Equals(before, expected, StringComparison.Ordinal))
        {
            throw Changed(name);
        }

        KeepMarks(old, wanted);
        KeepPasswords(old, wanted);
        return wanted;
    }

    /// <summary>Somebody else was there.</summary>
    public static HypervisorException Changed(string name) => new(
        $"The definition of '{name}' has changed since it was read.", FaultDomain.VM, error: HypervisorError.InvalidState,
        recommendedAction: "Read it again with Get-KumoiVM -Raw, and change that.");

    /// <summary>Without what may be secret: passwords, arguments of kernels, and what is not libvirt's. Null: it is too long.</summary>
    public static string? ToJournal(string xml)
    {
        if (xml.Length > MaxJournalLength)
        {
            return null;
        }

        var domain = DomainDefinition.Parse(xml);
        domain.Descendants().Attributes("passwd").Remove();
        domain.Elements("os").Elements("cmdline").Remove();
        domain.Elements("description").Remove();
        domain.Elements().Where(static element => element.Name.Namespace != XNamespace.None).Remove();
        domain.Elements("metadata").Elements().Where(static element => !IsOurs(element)).Remove();
        return domain.ToString();
    }

    private static string? Id(XElement domain) =>
        Guid.TryParse((string?)domain.Element("uuid"), out var id) ? id.ToString("D") : (string?)domain.Element("uuid");

    private static void EnsureSame(string vm, string what, string? old, string? wanted)
    {
        if (!string.Equals(old, wanted?.Trim(), StringComparison.Ordinal))
        {
            throw new HypervisorException(
                wanted is null ? $"The XML has no <{what}>; that of '{vm}' is {old}."
                    : $"The XML is of another VM: its <{what}> is {wanted.Trim()}, and that of '{vm}' is {old}.",
                FaultDomain.VM, error: HypervisorError.InvalidSpecification,
                recommendedAction: "Start from the VM's own XML, which Get-KumoiVM -Raw gives. Rename-KumoiVM renames.");
        }
    }

    private static bool IsOurs(XElement element) =>
        element.Name.NamespaceName.StartsWith(DomainDefinition.KumoiNamespace, StringComparison.Ordinal);

    /// <summary>Tags are the admin's own: an XML with other metadata of ours and without them has none.</summary>
    private static void KeepMarks(XElement old, XElement wanted)
    {
        List<XElement> missing =
        [
            .. old.Elements("metadata").Elements().Where(IsOurs)
                .Where(mark => mark.Name.NamespaceName != TagMetadata.Namespace || wanted.Element("metadata") is null)
                .Where(mark => !wanted.Elements("metadata").Elements().Any(element => element.Name == mark.Name)),
        ];
        if (missing.Count > 0 && wanted.Element("metadata") is null)
        {
            wanted.Add(new XElement("metadata"));
        }

        wanted.Element("metadata")?.Add(missing.Select(static mark => new XElement(mark)));
    }

    /// <summary>Get-KumoiVM -Raw leaves them out, and so whoever changes something else would take them away.</summary>
    private static void KeepPasswords(XElement old, XElement wanted)
    {
        foreach (var screen in wanted.Elements("devices").Elements("graphics").Where(static screen => screen.Attribute("passwd") is null))
        {
            var same = old.Elements("devices").Elements("graphics")
                .FirstOrDefault(other => (string?)other.Attribute("type") == (string?)screen.Attribute("type"));
            if (same?.Attribute("passwd") is { } password)
            {
                screen.SetAttributeValue("passwd", password.Value);
            }
        }
    }
}
