using Kumoi.Hypervisors.Libvirt.Native;

namespace Kumoi.Hypervisors.Libvirt.Connections;

/// <summary>
/// Tells that a VM failed since its host lacks something, where libvirt's numbers do not: the same number stands for a definition that no
/// host accepts. By the texts of libvirt 9.0 to 11.3 and QEMU 7.2 to 10.0, which a daemon in another language has not; there the number
/// decides. What is said of "this QEMU" is of the host, what is said of a machine type is of the VM, which chose it.
/// </summary>
internal static class HostLacks
{
    private static readonly HostLack Kvm = new(
        HypervisorError.NotSupported,
        "The host has no KVM. Turn virtualization on in its firmware and load its kvm module, or use another host.");

    private static readonly HostLack Emulator = new(
        HypervisorError.NotSupported, "The host's QEMU lacks what the VM uses. Use a host with the same or a newer QEMU of that "
            + "architecture, or install what is missing.");

    private static readonly HostLack Cpu = new(
        HypervisorError.NotSupported, "The host's CPU lacks what the VM uses. Use another host, or give the VM an older CPU model.");

    private static readonly HostLack Platform = new(
        HypervisorError.NotSupported, "The host's kernel or libvirt lacks what the VM uses. Use another host, or set it up there.");

    private static readonly HostLack Numa = new(
        HypervisorError.ResourceUnavailable,
        "The host has no such NUMA node or CPU. Use a host of the same layout, or change the VM's numatune and cputune.");

    private static readonly HostLack Memory = new(
        HypervisorError.ResourceUnavailable,
        "The host has not the memory or the huge pages that the VM needs. Use another host, or free or reserve some there.");

    private static readonly HostLack Device = new(
        HypervisorError.ResourceUnavailable,
        "The host lacks a device that the VM needs, or another VM has it. Use another host, or detach the device from the VM.");

    private static readonly HostLack Network = new(
        HypervisorError.ResourceUnavailable,
        "The host lacks a bridge, network card or address that the VM needs. Make it there, or use another host.");

    private static readonly HostLack Program = new(
        HypervisorError.ResourceUnavailable,
        "The host lacks a program or a file that the VM needs. Install it there, or use another host.");

    /// <summary>In a text: parts that come one after the other, with anything between them at a '*'. The first that fits counts.</summary>
    private static readonly (string Pattern, HostLack? Lack)[] Known =
    [
        // Of the VM, whatever else the text says: another machine type would do, another host would not.
        ("for this QEMU binary or machine type", null),
        ("not supported for machine", null),
        ("machine types only", null),
        ("not a built-in for this machine", null),

        // KVM
        ("Domain requires KVM, but it is not available", Kvm),
        ("could not find capabilities for*domaintype=kvm", Kvm),
        ("could not find capabilities for*virttype=kvm", Kvm),
        ("does not support virt type", Kvm),
        ("Could not access KVM kernel module", Kvm),
        ("failed to initialize kvm", Kvm),
        ("kvm*no accelerator found", Kvm),
        ("invalid accelerator kvm", Kvm),
        ("KVM was enabled when probing", Kvm),

        // CPU
        ("Host CPU does not provide required features", Cpu),
        ("guest CPU doesn't match specification", Cpu),
        ("guest CPU is not compatible with host CPU", Cpu),
        ("host doesn't support requested feature", Cpu),
        ("Host doesn't support requested feature", Cpu),
        ("Unknown CPU model", Cpu),
        ("unable to find CPU model", Cpu),
        ("CPU model*not supported by hypervisor", Cpu),
        ("CPU mode*not supported by hypervisor", Cpu),
        ("CPU features not supported by hypervisor", Cpu),
        ("does not support any CPU models for virttype", Cpu),
        ("TSC scaling is not supported by the host CPU", Cpu),
        ("the number supported by the host CPU", Cpu),
        ("host doesn't support invariant TSC", Cpu),
        ("host doesn't support hyperv", Cpu),
        ("host doesn't support paravirtual spinlocks", Cpu),

        // Emulator and machine type
        ("does not support machine type", Emulator),
        ("unsupported machine type", Emulator),
        ("machine type*not supported by emulator", Emulator),
        ("the machine '*' is not supported by", Emulator),
        ("does not support arch", Emulator),
        ("does not support os type", Emulator),
        ("No emulator found for arch", Emulator),
        ("unable to find any emulator to serve", Emulator),
        ("Cannot find suitable emulator for", Emulator),
        ("could not find capabilities for", Emulator),
        ("Cannot check QEMU binary", Emulator),
        ("QEMU binary*is not executable", Emulator),
        ("Failed to start QEMU binary", Emulator),
        ("QEMU executable*does not support", Emulator),
        ("not a valid device model name", Emulator),
        ("is not compiled into this binary", Emulator),
        ("-spice: invalid option", Emulator),
        ("Unknown driver '", Emulator),
        ("this QEMU", Emulator),
        ("supported by QEMU", Emulator),
        ("not supported in the QEMU binary", Emulator),

        // NUMA, pinning
        ("NUMA node*unavailable", Numa),
        ("NUMA node*not available", Numa),
        ("NUMA node*out of range", Numa),
        ("NUMA isn't available on this host", Numa),
        ("numad is not available on this host", Numa),
        ("Failed to query numad", Numa),
        ("cannot bind memory to host NUMA nodes", Numa),
        ("for 'cpuset.mems'", Numa),
        ("for 'cpuset.cpus'", Numa),
        ("cpuset.mems'", Numa),
        ("cpuset.cpus'", Numa),
        ("cannot set CPU affinity", Numa),

        // Memory
        ("hugetlbfs filesystem is not mounted or disabled", Memory),
        ("Unable to find any usable hugetlbfs mount", Memory),
        ("Unable to find any usable hugepage", Memory),
        ("Insufficient free host memory pages", Memory),
        ("preallocating memory failed", Memory),
        ("cannot set up guest memory", Memory),
        ("unable to map backing store for guest RAM", Memory),
        ("open backing store*for guest RAM", Memory),
        ("Cannot allocate memory", Memory),

        // Devices
        ("PCI device*not found", Device),
        ("PCI device*in use", Device),
        ("PCI device*not assignable", Device),
        ("Device*not found: could not access", Device),
        ("host doesn't support*passthrough", Device),
        ("VFIO*supported on this system", Device),
        ("KVM device assignment is no longer supported", Device),
        ("requires VFIO support", Device),
        ("VFIO", Device),
        ("vfio", Device),
        ("iommu group", Device),
        ("IOMMU group", Device),
        ("USB device*not found", Device),
        ("Did not find USB device", Device),
        ("Multiple USB devices for", Device),
        ("USB device*in use", Device),
        ("USB is disabled in this host", Device),
        ("mediated device*not found", Device),
        ("mediated device*in use", Device),
        ("SCSI device*could not access", Device),
        ("SCSI device*in use", Device),
        ("host scsi*not found", Device),
        ("NVMe device*in use", Device),
        ("Could not open TPM device", Device),
        ("Unable to open '/dev/", Device),
        ("Could not open '/dev/dri/", Device),
        ("for vsock device", Device),
        ("'/sys/bus/", Device),

        // Network
        ("Cannot get interface", Network),
        ("Cannot set interface", Network),
        ("Unable to get index for interface", Network),
        ("Unable to add bridge", Network),
        ("Unable to add port", Network),
        ("bridge*doesn't exist", Network),
        ("bridge*No such device", Network),
        ("bridge helper", Network),
        ("error creating macvtap interface", Network),
        ("error creating macvlan interface", Network),
        ("is tun module loaded", Network),
        ("Unable to create tap device", Network),
        ("Unable to open vhost-net", Network),
        ("vhost-net", Network),
        ("Failed to find an unused port in range", Network),
        ("Cannot assign requested address", Network),
        ("Address already in use", Network),
        ("has no associated interface or bridge", Network),

        // Programs and files that come with a host
        ("Unable to find any firmware to satisfy", Program),
        ("Unable to find '*' firmware that is compatible", Program),
        ("unable to find any master var store for loader", Program),
        ("Failed to open file*.fd'", Program),
        ("Could not open '*.fd'", Program),
        ("could not load PC BIOS", Program),
        ("could not load firmware", Program),
        ("failed to find romfile", Program),
        ("could not load kernel", Program),
        ("could not open kernel file", Program),
        ("could not load initrd", Program),
        ("swtpm", Program),
        ("TPM version*not supported", Program),
        ("Unable to find*in $PATH", Program),
        ("Cannot find*in path", Program),
        ("Unable to find a satisfying", Program),
        ("Could not start 'virtiofsd'", Program),
        ("Could not start 'vhost-user-gpu'", Program),
        ("Security driver*not", Program),
        ("Unable to find security driver", Program),
        ("Cannot find security driver", Program),

        // What is left of the kernel and of how libvirt was built
        ("compiled without", Platform),
        ("not supported on this", Platform),
        ("not available on this", Platform),
        ("not supported by this host", Platform),
        ("not supported by hypervisor", Platform),
        ("namespace is not available", Platform),
        ("unsupported by this system", Platform),
        ("Unable to create cgroup", Platform),
        ("Failed to create v1 controller", Platform),
    ];

    /// <summary>Numbers that libvirt uses both for what a host lacks and for other things.</summary>
    private static bool IsAmbiguous(LibvirtCode code) => code is
        LibvirtCode.InternalError or LibvirtCode.InvalidArgument or LibvirtCode.OperationFailed or LibvirtCode.SystemError
        or LibvirtCode.OperationInvalid or LibvirtCode.ConfigurationUnsupported or LibvirtCode.OSType;

    /// <summary>Null: it is not said to be the host's.</summary>
    public static HostLack? Find(LibvirtFailure failure)
    {
        switch (failure.Code)
        {
            case LibvirtCode.NoNodeDevice or LibvirtCode.InvalidNodeDevice:
                return Device;
            case LibvirtCode.NoInterface or LibvirtCode.InvalidInterface or LibvirtCode.MultipleInterfaces or LibvirtCode.NoNetworkPort:
                return Network;
            case LibvirtCode.NoNetworkFilter or LibvirtCode.InvalidNetworkFilter or LibvirtCode.BuildFirewall:
                return Network;
            case LibvirtCode.NoSecret or LibvirtCode.NoSecurityModel or LibvirtCode.HookScriptFailed or LibvirtCode.DBusService:
                return Program;
        }

        if (!IsAmbiguous(failure.Code))
        {
            return null;
        }

        foreach (var (pattern, lack) in Known)
        {
            if (IsIn(pattern, failure.Message))
            {
                return lack;
            }
        }

        // Whatever else the parts say that deal with the host's CPU, its control groups and its TPM software is of the host.
        return failure.Origin switch
        {
            LibvirtOrigin.Cpu => Cpu,
            LibvirtOrigin.ControlGroup or LibvirtOrigin.Systemd => Platform,
            LibvirtOrigin.Tpm => Program,
            _ => null,
        };
    }

    private static bool IsIn(string pattern, string message)
    {
        var at = 0;
        foreach (var part in pattern.Split('*'))
        {
            var found = message.IndexOf(part, at, StringComparison.Ordinal);
            if (found < 0)
            {
                return false;
            }

            at = found + part.Length;
        }

        return true;
    }
}
