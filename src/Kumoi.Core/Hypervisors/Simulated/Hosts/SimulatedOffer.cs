namespace Kumoi.Hypervisors.Simulated.Hosts;

/// <summary>What simulated hosts offer for VMs.</summary>
internal static class SimulatedOffer
{
    private static readonly string[] MachineTypes = ["q35", "pc"];

    /// <summary>For a machine type; null: q35.</summary>
    /// <exception cref="HypervisorException">NotSupported, of domain Host: it has no such machine.</exception>
    public static DomainCapabilities Of(string host, string? machineType, bool isOlder)
    {
        if (machineType is not null && !MachineTypes.Contains(machineType, StringComparer.Ordinal))
        {
            throw new HypervisorException(
                $"{host} has no machines of type '{machineType}'.", FaultDomain.Host, error: HypervisorError.NotSupported,
                recommendedAction: "Leave -MachineType out, or choose another host.");
        }

        return new DomainCapabilities
        {
            DomainType = "simulated",
            Architecture = "x86_64",
            MachineType = machineType ?? MachineTypes[0],
            HasUefi = !isOlder,
            HasSecureBoot = !isOlder,
            CpuModes = ["host-model", "host-passthrough", "maximum"],
            CpuModels = ["qemu64", "Nehalem", "Skylake-Server", "EPYC"],
            DiskBuses = ["virtio", "scsi", "sata", "ide", "usb", "fdc"],
            GraphicsTypes = ["vnc"],
            VideoModels = ["virtio", "vga"],
            HasRng = true,
            HasTpm = !isOlder,
        };
    }
}
