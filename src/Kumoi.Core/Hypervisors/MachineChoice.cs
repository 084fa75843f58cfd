namespace Kumoi.Hypervisors;

/// <summary>What a new machine gets: what was asked for, or else what its host offers.</summary>
/// <param name="IsPC">x86.</param>
/// <param name="IsPciExpress">Its machine is q35, or another with a PCI Express bus.</param>
/// <param name="IsUefi">It boots with UEFI; else as its machine does by itself, which on a PC is BIOS.</param>
/// <param name="IsSecureBoot">It starts only what is signed.</param>
/// <param name="CpuMode">Null: the hypervisor's default, or <paramref name="CpuModel"/>.</param>
/// <param name="CpuModel">Null: by its mode.</param>
internal sealed record MachineChoice(
    bool IsPC, bool IsPciExpress, bool IsUefi, bool IsSecureBoot, string? CpuMode, string? CpuModel)
{
    private static readonly string[] CpuModes = ["host-model", "host-passthrough", "maximum"];

    /// <summary>Fails for what was asked for, and the host does not offer.</summary>
    /// <exception cref="HypervisorException"><see cref="HypervisorError.NotSupported"/>, of domain Host.</exception>
    public static MachineChoice Make(VMSpec spec, DomainCapabilities offer, string host)
    {
        var machine = spec.Machine!;
        var isPC = offer.Architecture is "x86_64" or "i686";
        var isUefi = IsUefiFor(spec, offer, host);
        if (machine.HasTpm && !offer.HasTpm)
        {
            throw Lacks(
                host, "emulates no TPM 2.0", "Install swtpm on that host (Debian: apt-get install swtpm swtpm-tools), or choose another.");
        }

        var (mode, model) = CpuFor(machine.CpuModel, offer, host);
        var isPciExpress = offer.MachineType.Contains("q35", StringComparison.Ordinal) || !isPC;
        return new MachineChoice(isPC, isPciExpress, isUefi, machine.Firmware is FirmwareKind.SecureBoot, mode, model);
    }

    private static bool IsUefiFor(VMSpec spec, DomainCapabilities offer, string host)
    {
        const string InstallUefi =
            "Install UEFI firmware on that host (Debian: apt-get install ovmf), or choose another host or -Firmware.";
        switch (spec.Machine!.Firmware)
        {
            case FirmwareKind.Bios:
                return false;
            case FirmwareKind.Uefi:
                return offer.HasUefi ? true : throw Lacks(host, $"has no UEFI for machines of type '{offer.MachineType}'", InstallUefi);
            case FirmwareKind.SecureBoot:
                return offer.HasSecureBoot
                    ? true : throw Lacks(host, $"has no UEFI with Secure Boot for machines of type '{offer.MachineType}'", InstallUefi);
            default:
                // What is loaded directly needs none, and starts faster; UEFI does not start floppies.
                return offer.HasUefi && spec.Kernel is null && !spec.Disks.Any(static disk => disk.Floppy);
        }
    }

    private static (string? Mode, string? Model) CpuFor(string? asked, DomainCapabilities offer, string host)
    {
        if (asked is null)
        {
            return (offer.CpuModes.Contains(CpuModes[0], StringComparer.Ordinal) ? CpuModes[0] : null, null);
        }

        if (CpuModes.Contains(asked, StringComparer.Ordinal))
        {
            return offer.CpuModes.Contains(asked, StringComparer.Ordinal)
                ? (asked, null)
                : throw Lacks(host, $"cannot give VMs the CPU '{asked}'", "Leave -CpuModel out, or choose another host.");
        }

        return offer.CpuModels.Contains(asked, StringComparer.Ordinal)
            ? (null, asked)
            : throw Lacks(
                host, $"cannot give VMs the CPU model '{asked}'",
                "'virsh domcapabilities' on that host lists the models that it can give. Leave -CpuModel out, or choose another host.");
    }

    private static HypervisorException Lacks(string host, string what, string action) =>
        new($"{host} {what}.", FaultDomain.Host, error: HypervisorError.NotSupported, recommendedAction: action);
}
