namespace Kumoi.Hypervisors;

/// <summary>What a new VM shall be. Either <see cref="Xml"/>, or the single settings.</summary>
public sealed record VMSpec
{
    /// <summary>Empty only with <see cref="Xml"/>: then the XML's own name holds; otherwise this name replaces it.</summary>
    public string Name { get; init; } = "";

    public long MemoryBytes { get; init; } = 1L << 30;

    public int CpuCount { get; init; } = 1;

    public IReadOnlyList<DiskSpec> Disks { get; init; } = [];

    /// <summary>Names of libvirt networks; one interface each.</summary>
    public IReadOnlyList<string> Networks { get; init; } = [];

    /// <summary>Path, on the host, of a kernel to boot directly.</summary>
    public string? Kernel { get; init; }

    public string? Initrd { get; init; }

    public string? KernelArguments { get; init; }

    /// <summary>The hypervisor's own domain XML; unknown elements are kept.</summary>
    public string? Xml { get; init; }
}
