using System.Xml;

namespace Kumoi.Hypervisors;

/// <summary>What can be said of a specification, and of a name, without asking a host: the same in a plan and in earnest.</summary>
public static class VMSpecCheck
{
    /// <summary>Fails for what no hypervisor would take.</summary>
    /// <exception cref="HypervisorException"><see cref="HypervisorError.InvalidSpecification"/>, of domain VM.</exception>
    public static void Ensure(VMSpec spec)
    {
        var name = spec.Name;
        if (spec.Xml is { } xml)
        {
            var domain = DomainDefinition.Parse(xml);
            name = name.Length > 0 ? name : (string?)domain.Element("name") ?? "";
        }

        EnsureName(name, "VM");
        foreach (var (what, text) in Texts(spec))
        {
            EnsureText(text, what);
        }

        foreach (var tag in spec.Tags)
        {
            EnsureName(tag, "tag");
        }

        EnsureText(spec.Description ?? "", "The description", allowLines: true);
        EnsureTopology(spec);
    }

    /// <summary>Fails for what cannot be a name: nothing, or one that a terminal, XML or a path would not show or keep as it is.</summary>
    /// <param name="name">The name.</param>
    /// <param name="what">What it is the name of.</param>
    /// <exception cref="HypervisorException"><see cref="HypervisorError.InvalidSpecification"/>, of domain VM.</exception>
    public static void EnsureName(string name, string what)
    {
        if (string.IsNullOrWhiteSpace(name) || (what is "VM" && name.Contains('/', StringComparison.Ordinal)))
        {
            throw Refuse($"'{Visible.Text(name)}' is no name for a {what}.", "Give a name that is not empty and has no '/' in it.");
        }

        EnsureText(name, $"The name of the {what}");
    }

    /// <summary>Fails for what a terminal or XML would not show or keep as it is.</summary>
    /// <param name="text">The text.</param>
    /// <param name="what">What it is, to begin a sentence.</param>
    /// <param name="allowLines">It may have several lines.</param>
    /// <exception cref="HypervisorException"><see cref="HypervisorError.InvalidSpecification"/>, of domain VM.</exception>
    internal static void EnsureText(string text, string what, bool allowLines = false)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (char.IsSurrogatePair(text, i))
            {
                i++;
            }
            else if (allowLines && (text[i] is '\n' or '\t'))
            {
                continue;
            }
            else if (char.IsControl(text[i]) || text[i] is '\u2028' or '\u2029' || !XmlConvert.IsXmlChar(text[i]))
            {
                throw Refuse(
                    $"{what} has a character that cannot be kept, as number {i + 1}: '{Visible.Text(text)}'.",
                    "Leave out control characters, and halves of characters (lone surrogates).");
            }
        }
    }

    private static void EnsureTopology(VMSpec spec)
    {
        if (spec.Machine?.Topology is { } topology && topology.CpuCount != spec.CpuCount)
        {
            throw Refuse(
                $"A VM of {spec.CpuCount} CPUs cannot have the topology {topology}, which is of {topology.CpuCount}.",
                "Give the number of CPUs that the topology has, or none.");
        }
    }

    private static IEnumerable<(string What, string Text)> Texts(VMSpec spec)
    {
        (string, string?)[] texts =
        [
            ("The kernel's path", spec.Kernel), ("The path of the initial RAM disk", spec.Initrd),
            ("The kernel's arguments", spec.KernelArguments), ("The machine type", spec.Machine?.MachineType),
            ("The CPU model", spec.Machine?.CpuModel),
            .. spec.Networks.Select(network => ("The name of a network", (string?)network)),
            .. spec.Disks.SelectMany(disk => new[]
            {
                ("The path of a disk", disk.Path), ("The path of a template", disk.TemplatePath), ("The image", disk.CopyOf),
                ("The name of the storage pool", (string?)disk.StoragePool),
                ("The format of a disk", disk.Format),
            }),
        ];
        return texts.Where(text => text.Item2 is not null)!;
    }

    private static HypervisorException Refuse(string message, string action) =>
        new(message, FaultDomain.VM, error: HypervisorError.InvalidSpecification, recommendedAction: action);
}
