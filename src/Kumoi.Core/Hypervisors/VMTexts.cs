using System.Xml.Linq;

namespace Kumoi.Hypervisors;

/// <summary>What people have written of a VM into its definition (https://libvirt.org/formatdomain.html#general-metadata).</summary>
/// <param name="Title">One line; empty: none.</param>
/// <param name="Description">Several lines; empty: none.</param>
public sealed record VMTexts(string Title, string Description)
{
    /// <summary>None.</summary>
    public VMTexts()
        : this("", "")
    {
    }

    internal static VMTexts Of(XElement domain) =>
        new((string?)domain.Element("title") ?? "", (string?)domain.Element("description") ?? "");
}
