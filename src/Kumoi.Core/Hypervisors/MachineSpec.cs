namespace Kumoi.Hypervisors;

/// <summary>
/// What a whole machine shall have beside CPUs, memory, disks and network cards. What is null or Auto is chosen by what the host offers
/// (<see cref="DomainCapabilities"/>); what is asked for and the host has not, fails there, of domain Host.
/// </summary>
public sealed record MachineSpec
{
    /// <summary>Such as <c>q35</c>; null: q35 where the host has it, else its own default.</summary>
    public string? MachineType { get; init; }

    public FirmwareKind Firmware { get; init; }

    /// <summary>
    /// <c>host-model</c>, <c>host-passthrough</c>, <c>maximum</c>, or the name of a model that the host knows; null: host-model where the
    /// host has it, else the hypervisor's default.
    /// </summary>
    public string? CpuModel { get; init; }

    /// <summary>Null: a socket for each CPU.</summary>
    public CpuTopology? Topology { get; init; }

    /// <summary>A TPM 2.0, emulated by the host.</summary>
    public bool HasTpm { get; init; }

    /// <summary>Null: one that has drivers for virtio.</summary>
    public GuestSystem? GuestSystem { get; init; }

    /// <summary>One card in the network <c>default</c> where no network is named, if the host has that network and it is active.</summary>
    public bool HasDefaultNetwork { get; init; }

    /// <summary>Of the first network card; null: the hypervisor chooses.</summary>
    public string? MacAddress { get; init; }
}
