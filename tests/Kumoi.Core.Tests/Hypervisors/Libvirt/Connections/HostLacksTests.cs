using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;
using Xunit;

namespace Kumoi.Tests.Hypervisors.Libvirt.Connections;

/// <summary>
/// What libvirt 9.0 to 11.3 and QEMU 7.2 to 10.0 say when a host lacks something (src/qemu, src/util, src/conf; QEMU's standard error), and
/// what they say of a definition that no host accepts. The numbers are virErrorNumber and virErrorDomain.
/// </summary>
public sealed class HostLacksTests
{
    private const string Exited =
        "internal error: process exited while connecting to monitor: 2026-11-28T04:00:00.000000Z qemu-system-x86_64: ";
    private const string ExitedNewer =
        "internal error: QEMU unexpectedly closed the monitor (vm='web'): 2026-11-28T04:00:00.000000Z qemu-system-x86_64: ";

    [Theory]

    // KVM
    [InlineData(67, 10, "unsupported configuration: Domain requires KVM, but it is not available. Check that virtualization is enabled in "
        + "the host BIOS, and host configuration is setup to load the kvm modules.", HypervisorError.NotSupported)]
    [InlineData(8, 44, "invalid argument: could not find capabilities for domaintype=kvm ", HypervisorError.NotSupported)]
    [InlineData(8, 44, "invalid argument: could not find capabilities for arch=x86_64 domaintype=kvm ", HypervisorError.NotSupported)]
    [InlineData(67, 10, "unsupported configuration: Emulator '/usr/bin/qemu-system-x86_64' does not "
        + "support virt type 'kvm'", HypervisorError.NotSupported)]
    [InlineData(1, 10, "internal error: process exited while connecting to monitor: Could not access KVM kernel module: No "
        + "such file or directory", HypervisorError.NotSupported)]
    [InlineData(1, 10, ExitedNewer + "-accel kvm: failed to initialize kvm: Permission denied", HypervisorError.NotSupported)]

    // machine type, emulator
    [InlineData(67, 10, "unsupported configuration: Emulator '/usr/bin/qemu-system-x86_64' does not support "
        + "machine type 'pc-q35-10.0'", HypervisorError.NotSupported)]
    [InlineData(8, 10, "invalid argument: the machine 'pc-q35-10.0' is not supported by emulator "
        + "'/usr/bin/qemu-system-x86_64'", HypervisorError.NotSupported)]
    [InlineData(1, 10, Exited + "-machine pc-q35-10.0,usb=off: unsupported machine type", HypervisorError.NotSupported)]
    [InlineData(67, 10, "unsupported configuration: Emulator '/usr/bin/qemu-system-x86_64' does not "
        + "support arch 'aarch64'", HypervisorError.NotSupported)]
    [InlineData(67, 10, "unsupported configuration: No emulator found for arch 'aarch64'", HypervisorError.NotSupported)]
    [InlineData(38, 10, "Cannot check QEMU binary /usr/libexec/qemu-kvm: No such file or directory", HypervisorError.NotSupported)]
    [InlineData(67, 10, "unsupported configuration: spice graphics are not supported with this QEMU", HypervisorError.NotSupported)]
    [InlineData(67, 10, "unsupported configuration: io uring is not supported by this QEMU binary", HypervisorError.NotSupported)]
    [InlineData(67, 10, "unsupported configuration: domain configuration does not support video model "
        + "'qxl' with this QEMU", HypervisorError.NotSupported)]
    [InlineData(
        1, 10, Exited + "-device virtio-gpu-gl-pci: 'virtio-gpu-gl-pci' is not a valid device model name", HypervisorError.NotSupported)]
    [InlineData(1, 10, ExitedNewer + "network backend 'af-xdp' is not compiled into this binary", HypervisorError.NotSupported)]

    // CPU
    [InlineData(91, 31, "the CPU is incompatible with host CPU: Host CPU does not provide "
        + "required features: avx512f", HypervisorError.NotSupported)]
    [InlineData(
        9, 10, "operation failed: guest CPU doesn't match specification: missing features: avx2,pcid", HypervisorError.NotSupported)]
    [InlineData(1, 31, "internal error: Unknown CPU model SierraForest", HypervisorError.NotSupported)]
    [InlineData(67, 10, "unsupported configuration: CPU model 'Skylake-Client' not supported by hypervisor", HypervisorError.NotSupported)]
    [InlineData(67, 10, "unsupported configuration: CPU mode 'host-passthrough' for x86_64 qemu domain on x86_64 host is not "
        + "supported by hypervisor", HypervisorError.NotSupported)]
    [InlineData(67, 10, "unsupported configuration: host doesn't support invariant TSC", HypervisorError.NotSupported)]
    [InlineData(1, 10, Exited + "unable to find CPU model 'Foo'", HypervisorError.NotSupported)]

    // NUMA, pinning
    [InlineData(67, 0, "unsupported configuration: NUMA node 1 is unavailable", HypervisorError.ResourceUnavailable)]
    [InlineData(67, 0, "unsupported configuration: numad is not available on this host", HypervisorError.ResourceUnavailable)]
    [InlineData(38, 54, "Unable to write to '/sys/fs/cgroup/machine.slice/machine-qemu.scope/libvirt/cpuset.mems': Numerical "
        + "result out of range", HypervisorError.ResourceUnavailable)]
    [InlineData(38, 54, "Invalid value '8-11' for 'cpuset.cpus': Invalid argument", HypervisorError.ResourceUnavailable)]
    [InlineData(38, 0, "cannot set CPU affinity on process 4711: Invalid argument", HypervisorError.ResourceUnavailable)]
    [InlineData(1, 10, Exited + "cannot bind memory to host NUMA nodes: Invalid argument", HypervisorError.ResourceUnavailable)]

    // memory, huge pages
    [InlineData(2, 0, "out of memory", HypervisorError.ResourceUnavailable)]
    [InlineData(1, 10, "internal error: hugetlbfs filesystem is not mounted or disabled by "
        + "administrator config", HypervisorError.ResourceUnavailable)]
    [InlineData(1, 10, "internal error: Unable to find any usable hugetlbfs mount for 1048576 KiB", HypervisorError.ResourceUnavailable)]
    [InlineData(1, 10, Exited + "can't open backing store /dev/hugepages/libvirt/qemu/1-web for guest "
        + "RAM: Permission denied", HypervisorError.ResourceUnavailable)]
    [InlineData(1, 10, Exited + "unable to map backing store for guest RAM: Cannot allocate memory", HypervisorError.ResourceUnavailable)]
    [InlineData(1, 10, ExitedNewer + "qemu_prealloc_mem: preallocating memory failed: Bad address", HypervisorError.ResourceUnavailable)]
    [InlineData(1, 10, Exited + "os_mem_prealloc: Insufficient free host memory pages available "
        + "to allocate guest RAM", HypervisorError.ResourceUnavailable)]
    [InlineData(1, 10, "internal error: process exited while connecting to monitor: cannot set up guest memory 'pc.ram': "
        + "Cannot allocate memory", HypervisorError.ResourceUnavailable)]

    // devices
    [InlineData(38, 0, "Device 0000:03:00.0 not found: could not access /sys/bus/pci/devices/0000:03:00.0/config: No "
        + "such file or directory", HypervisorError.ResourceUnavailable)]
    [InlineData(55, 0, "Requested operation is not valid: PCI device 0000:03:00.0 is in use by "
        + "driver QEMU, domain other", HypervisorError.ResourceUnavailable)]
    [InlineData(55, 0, "Requested operation is not valid: PCI device 0000:03:00.0 is not assignable", HypervisorError.ResourceUnavailable)]
    [InlineData(
        67, 10, "unsupported configuration: host doesn't support passthrough of host PCI devices", HypervisorError.ResourceUnavailable)]
    [InlineData(67, 10, "unsupported configuration: host doesn't support VFIO PCI passthrough", HypervisorError.ResourceUnavailable)]
    [InlineData(1, 10, Exited + "-device vfio-pci,host=0000:03:00.0: vfio 0000:03:00.0: no iommu_group found: No "
        + "such file or directory", HypervisorError.ResourceUnavailable)]
    [InlineData(1, 0, "internal error: Did not find USB device 0781:5571", HypervisorError.ResourceUnavailable)]
    [InlineData(1, 0, "internal error: Did not find USB device bus:1 device:9", HypervisorError.ResourceUnavailable)]
    [InlineData(38, 0, "cannot open directory '/sys/bus/usb/devices': No such file or directory", HypervisorError.ResourceUnavailable)]
    [InlineData(
        9, 0, "operation failed: Multiple USB devices for 781:5571, use <address> to specify one", HypervisorError.ResourceUnavailable)]
    [InlineData(
        99, 10, "device not found: mediated device 'b155147a-663a-4009-ae7f-e9a96805b3ce' not found", HypervisorError.ResourceUnavailable)]
    [InlineData(53, 22, "Node device not found: no node device with matching name 'pci_0000_03_00_0'", HypervisorError.ResourceUnavailable)]

    // network
    [InlineData(38, 0, "Cannot get interface MTU on 'br9': No such device", HypervisorError.ResourceUnavailable)]
    [InlineData(38, 0, "Unable to add bridge br9 port vnet3: No such device", HypervisorError.ResourceUnavailable)]
    [InlineData(1, 0, "internal error: Unable to add port vnet3 to OVS bridge ovs9", HypervisorError.ResourceUnavailable)]
    [InlineData(38, 0, "Cannot get interface flags on 'eth9': No such device", HypervisorError.ResourceUnavailable)]
    [InlineData(
        38, 0, "error creating macvtap interface macvtap0@eth9 (52:54:00:00:00:01): No such device", HypervisorError.ResourceUnavailable)]
    [InlineData(
        38, 0, "Unable to open /dev/net/tun, is tun module loaded?: No such file or directory", HypervisorError.ResourceUnavailable)]
    [InlineData(43, 19, "Network not found: no network with matching name 'dmz'", HypervisorError.ResourceUnavailable)]
    [InlineData(55, 19, "Requested operation is not valid: network 'dmz' is not active", HypervisorError.ResourceUnavailable)]
    [InlineData(62, 34, "Network filter not found: no nwfilter with matching name 'dmz'", HypervisorError.ResourceUnavailable)]
    [InlineData(1, 0, "internal error: Failed to find an unused port in range 'VNC' (5900-65535)", HypervisorError.ResourceUnavailable)]
    [InlineData(1, 10, ExitedNewer + "-vnc 10.77.0.1:0: Failed to bind socket to 10.77.0.1:5900: Cannot "
        + "assign requested address", HypervisorError.ResourceUnavailable)]

    // firmware, swtpm, other programs and files
    [InlineData(9, 10, "operation failed: Unable to find any firmware to satisfy 'efi'", HypervisorError.ResourceUnavailable)]
    [InlineData(9, 10, "operation failed: Unable to find 'efi' firmware that is compatible with the "
        + "current configuration", HypervisorError.ResourceUnavailable)]
    [InlineData(9, 10, "operation failed: unable to find any master var store for loader: "
        + "/usr/share/OVMF/OVMF_CODE.fd", HypervisorError.ResourceUnavailable)]
    [InlineData(
        38, 10, "Failed to open file '/usr/share/OVMF/OVMF_VARS.fd': No such file or directory", HypervisorError.ResourceUnavailable)]
    [InlineData(
        1, 10, Exited + "Could not open '/usr/share/OVMF/OVMF_CODE_4M.fd': No such file or directory", HypervisorError.ResourceUnavailable)]
    [InlineData(1, 10, "internal error: process exited while connecting to monitor: qemu: could not open kernel file '/boot/vmlinuz-9': No "
        + "such file or directory", HypervisorError.ResourceUnavailable)]
    [InlineData(38, 70, "Unable to find 'swtpm' binary in $PATH: No such file or directory", HypervisorError.ResourceUnavailable)]
    [InlineData(1, 70, "internal error: Could not start 'swtpm'. exitstatus: 1, error: ", HypervisorError.ResourceUnavailable)]
    [InlineData(67, 10, "unsupported configuration: TPM version '2.0' is not supported", HypervisorError.ResourceUnavailable)]
    [InlineData(9, 10, "operation failed: Unable to find a satisfying virtiofsd", HypervisorError.ResourceUnavailable)]
    [InlineData(67, 24, "unsupported configuration: Security driver apparmor not enabled", HypervisorError.ResourceUnavailable)]
    [InlineData(66, 33, "Secret not found: no secret with matching uuid '1'", HypervisorError.ResourceUnavailable)]
    public void What_a_host_lacks_is_a_failure_of_the_host(int code, int origin, string message, HypervisorError error)
    {
        var failure = Map(code, origin, message);

        Assert.Equal((error, FaultDomain.Host), (failure.Error, failure.FaultDomain));
        Assert.False(failure.IsTransient);
        Assert.False(string.IsNullOrEmpty(failure.RecommendedAction));
    }

    [Theory]
    [InlineData(27, 20, "XML error: Invalid value for attribute 'type' in element 'domain': 'nope'.")]
    [InlineData(27, 20, "XML error: this QEMU is written into a description")]
    [InlineData(35, 20, "(domain_definition):1: Extra content at the end of the document")]
    [InlineData(67, 10, "unsupported configuration: IDE controllers are unsupported for this QEMU binary or machine type")]
    [InlineData(67, 10, "unsupported configuration: Secure boot is supported with q35 machine types only")]
    [InlineData(67, 10, "unsupported configuration: disk device='lun' is not supported for usb bus")]
    [InlineData(67, 20, "unsupported configuration: target 'vda' duplicated for disk sources '/a' and '/b'")]
    [InlineData(
        92, 20, "XML document failed to validate against schema: Unable to validate doc against /usr/share/libvirt/schemas/domain.rng")]
    public void What_no_host_accepts_is_a_failure_of_the_VM(int code, int origin, string message)
    {
        var failure = Map(code, origin, message);

        Assert.Equal((HypervisorError.InvalidSpecification, FaultDomain.VM), (failure.Error, failure.FaultDomain));
    }

    [Theory]
    [InlineData(38, 18, "Cannot access storage file '/images/web.qcow2' (as uid:64055, gid:64055): No such file or directory")]
    [InlineData(1, 10, Exited + "-blockdev {...}: Could not open '/images/web.qcow2': No such file or directory")]
    [InlineData(1, 10, ExitedNewer + "-device virtio-blk-pci: Failed to get \"write\" lock")]
    public void What_the_storage_lacks_is_a_failure_of_the_storage(int code, int origin, string message)
    {
        var failure = Map(code, origin, message);

        Assert.Equal((HypervisorError.StorageFailed, FaultDomain.Storage), (failure.Error, failure.FaultDomain));
    }

    private static HypervisorException Map(int code, int origin, string message) => LibvirtErrors.ToException(
        new LibvirtFailure((LibvirtCode)code, (LibvirtOrigin)origin, 0, message), "start VM 'web' on kvm1", CallKind.Write, loss: null);
}
