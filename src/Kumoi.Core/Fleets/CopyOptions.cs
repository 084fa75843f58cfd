using System.Xml.Linq;
using Kumoi.Hypervisors;

namespace Kumoi.Fleets;

/// <summary>How a VM is made of the definition of another.</summary>
public sealed record CopyOptions
{
    /// <summary>It is started, too.</summary>
    public bool Start { get; init; }

    /// <summary>Its disks hold only what it changes, and are built on a template's.</summary>
    public bool Linked { get; init; }

    /// <summary>It becomes a template.</summary>
    public bool IsTemplate { get; init; }

    public bool IsAutostart { get; init; }

    /// <summary>Discs that its guest reads when it first starts.</summary>
    public IReadOnlyList<DiskSpec> Seeds { get; init; } = [];

    /// <summary>The address of its first network adapter; null: the hypervisor chooses one.</summary>
    public string? MacAddress { get; init; }

    /// <summary>Changes the copied domain XML before it is defined.</summary>
    public Action<XElement>? Change { get; init; }
}
