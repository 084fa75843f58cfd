namespace Kumoi.Hypervisors;

/// <summary>What a host offers for new VMs (https://libvirt.org/formatdomaincaps.html).</summary>
public sealed record DomainCapabilities
{
    /// <summary>Such as <c>kvm</c>.</summary>
    public required string DomainType { get; init; }

    /// <summary>Such as <c>x86_64</c>.</summary>
    public required string Architecture { get; init; }

    /// <summary>Such as <c>hvm</c>.</summary>
    public string OSType { get; init; } = "hvm";

    /// <summary>The machine that this holds for, by its full name, such as <c>pc-q35-7.2</c>.</summary>
    public string MachineType { get; init; } = "";

    /// <summary>It chooses UEFI for a VM by itself (<c>firmware='efi'</c>).</summary>
    public bool HasUefi { get; init; }

    /// <summary>Its UEFI can refuse what is not signed.</summary>
    public bool HasSecureBoot { get; init; }

    /// <summary>Such as <c>host-model</c>.</summary>
    public IReadOnlyList<string> CpuModes { get; init; } = [];

    /// <summary>Those that a VM can have on this host.</summary>
    public IReadOnlyList<string> CpuModels { get; init; } = [];

    /// <summary>Such as <c>virtio</c>, <c>scsi</c>.</summary>
    public IReadOnlyList<string> DiskBuses { get; init; } = [];

    /// <summary>Such as <c>vnc</c>.</summary>
    public IReadOnlyList<string> GraphicsTypes { get; init; } = [];

    /// <summary>Such as <c>virtio</c>, <c>vga</c>.</summary>
    public IReadOnlyList<string> VideoModels { get; init; } = [];

    public bool HasRng { get; init; }

    /// <summary>It emulates a TPM 2.0 (swtpm).</summary>
    public bool HasTpm { get; init; }
}
