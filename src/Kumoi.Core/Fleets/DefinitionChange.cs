using System.Xml.Linq;
using Kumoi.Hypervisors;

namespace Kumoi.Fleets;

/// <summary>What a VM shall be otherwise than the definition that it is made of; null: as that says.</summary>
public sealed record DefinitionChange
{
    public int? CpuCount { get; init; }

    public long? MemoryBytes { get; init; }

    public string? Description { get; init; }

    public IReadOnlyList<string>? Tags { get; init; }

    /// <summary>It is to have an address, which belongs to a network card.</summary>
    public bool NeedsAdapter { get; init; }

    /// <summary>Changes domain XML (https://libvirt.org/formatdomain.html).</summary>
    /// <exception cref="HypervisorException">InvalidSpecification: it has no network card.</exception>
    public void Apply(XElement domain)
    {
        if (NeedsAdapter && !AdapterDefinition.Of(domain).Any())
        {
            throw new HypervisorException(
                "An address belongs to a network card, and the template has none.", FaultDomain.VM,
                error: HypervisorError.InvalidSpecification, recommendedAction: "Leave out -IPAddress.");
        }

        if (CpuCount is { } count)
        {
            domain.Elements("vcpus").Remove();
            domain.Elements("cpu").Elements("topology").Remove();
            domain.SetElementValue("vcpu", count);
            domain.Element("vcpu")!.Attributes("current").Remove();
        }

        if (MemoryBytes is { } bytes)
        {
            domain.Elements("currentMemory").Remove();
            domain.SetElementValue("memory", bytes);
            domain.Element("memory")!.SetAttributeValue("unit", "b");
        }

        if (Description is not null)
        {
            domain.SetElementValue("description", Description);
        }

        if (Tags is not null)
        {
            TagMetadata.Set(domain, Tags);
        }
    }
}
