using System.Globalization;
using System.Xml;

namespace Kumoi.Hypervisors;

/// <summary>What no driver can take, whatever the hypervisor: texts that XML cannot hold, and names that nobody could type or read.</summary>
internal static class SpecificationCheck
{
    /// <summary>Checks the name, and all texts but the XML, which was parsed.</summary>
    /// <param name="spec">The specification.</param>
    /// <param name="name">The VM's name, from it or from its XML.</param>
    /// <exception cref="HypervisorException"><see cref="HypervisorError.InvalidSpecification"/>.</exception>
    public static void Check(VMSpec spec, string name)
    {
        if (name.Length == 0)
        {
            throw Refuse("A VM needs a name.", "Give one.");
        }

        if (name.Contains('/', StringComparison.Ordinal) || !IsLegible(name))
        {
            throw Refuse(
                $"'{Shown(name)}' is no name for a VM.", "Give a name without '/', line breaks and other control characters.");
        }

        foreach (var text in Texts(spec).OfType<string>())
        {
            if (!IsXml(text))
            {
                throw Refuse($"'{Shown(text)}' has a control character, or half of a character, in it.", "Give the text without it.");
            }
        }
    }

    private static IEnumerable<string?> Texts(VMSpec spec) =>
    [
        spec.Kernel, spec.Initrd, spec.KernelArguments, .. spec.Networks,
        .. spec.Disks.SelectMany(static disk => new[] { disk.Path, disk.TemplatePath, disk.StoragePool, disk.Format }),
    ];

    private static bool IsLegible(string name) => IsXml(name) && !name.Any(static character =>
        char.GetUnicodeCategory(character) is UnicodeCategory.Control or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator);

    private static bool IsXml(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
            {
                i++;
            }
            else if (!XmlConvert.IsXmlChar(text[i]))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Nothing of it acts on the terminal.</summary>
    private static string Shown(string text) => string.Concat(text.Select(static character =>
        char.IsControl(character) || char.IsSurrogate(character) || char.GetUnicodeCategory(character) is UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
            ? $"\\u{(int)character:x4}" : character.ToString()));

    private static HypervisorException Refuse(string message, string recommendedAction) =>
        new(message, FaultDomain.VM, error: HypervisorError.InvalidSpecification, recommendedAction: recommendedAction);
}
