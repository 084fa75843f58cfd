using System.Net;
using System.Net.Sockets;
using System.Xml.Linq;
using Kind = Kumoi.Hypervisors.MigrationObstacleKind;

namespace Kumoi.Hypervisors;

/// <summary>
/// What a VM's live definition (https://libvirt.org/formatdomain.html) tells of its migration, whatever the driver. It follows what libvirt
/// 9.0 (src/qemu/qemu_migration.c: qemuMigrationSrcIsAllowed) and QEMU 7.2 refuse; what they refuse only at times is a warning. Messages
/// name devices, files and networks; nothing else of the definition.
/// </summary>
internal static class MigrationJudge
{
    private const string Detach = "Detach it from the VM, or turn the VM off and start it on the other host.";

    /// <summary>Of these is in the XML of each VM that listens somewhere: where none is, it need not be read as XML.</summary>
    private static readonly string[] ListeningWords = ["graphics", "server", "udp", "bind"];

    /// <summary>Formats whose drivers in QEMU block migration.</summary>
    private static readonly HashSet<string> StuckFormats =
        new(StringComparer.Ordinal) { "qcow", "vdi", "vmdk", "vpc", "vhdx", "parallels", "fat" };

    /// <summary>Whether the VM has a state to send.</summary>
    public static MigrationObstacle? JudgeState(VMReading vm, string host) =>
        vm.State is PowerState.Shutoff or PowerState.Crashed or PowerState.Unknown
            ? new(Kind.NotRunning, $"'{vm.Name}' on {host} is {vm.State}: only a VM that runs, or is paused, is migrated.",
                "Start it, or start it on the other host with Start-KumoiVM -Speculative -Destination.")
            : null;

    public static MigrationObstacle Busy(string vm, string host) => new(
        Kind.Busy, $"'{vm}' on {host} is in a migration, or in another job.",
        "Wait until that has ended, or end it ('virsh domjobinfo', 'virsh domjobabort').");

    /// <summary>Nobody works on the VM any more, but it waits all the same.</summary>
    public static MigrationObstacle Held(string vm, string host) => new(
        Kind.Busy, $"'{vm}' on {host} is paused by a migration that has not ended.",
        "Run Repair-KumoiOperation; if another program migrated it, find out where the VM runs before anything is resumed.");

    public static MigrationObstacle Snapshots(string vm, string host, int count) => new(
        Kind.Snapshots, $"{host} keeps {count} snapshots of '{vm}', which cannot go with it.",
        "Remove them with Remove-KumoiSnapshot, which merges what they keep; what the VM is now stays.");

    /// <summary>What of the VM itself stands in the way.</summary>
    public static IEnumerable<MigrationObstacle> JudgeVM(XElement domain)
    {
        foreach (var device in domain.Elements("devices").Elements())
        {
            if (JudgeDevice(device) is { } obstacle)
            {
                yield return obstacle;
            }
        }

        if (domain.Element("launchSecurity") is { } security)
        {
            yield return Blocks($"Protected memory (launchSecurity '{(string?)security.Attribute("type")}')",
                "Turn the VM off and start it on the other host.");
        }

        var cpu = domain.Element("cpu");
        var hasFixedTsc = domain.Elements("clock").Elements("timer")
            .Any(timer => Is(timer, "name", "tsc") && timer.Attribute("frequency") is not null);
        if (!hasFixedTsc && cpu?.Elements("feature")
            .Any(feature => Is(feature, "name", "invtsc") && (Is(feature, "policy", "require") || Is(feature, "policy", "force"))) is true)
        {
            yield return Blocks("The CPU feature 'invtsc' without a TSC frequency",
                "Give the timer 'tsc' a frequency in the VM's clock, or leave the feature out.");
        }

        if (Is(cpu, "migratable", "off"))
        {
            yield return Warns(
                "The CPU may have features that cannot be migrated (migratable='off').", "Set migratable='on' in the VM's CPU.");
        }
    }

    /// <summary>
    /// Addresses of one host at which the VM's screens and ports listen, as its definition says: QEMU on another host cannot have them. Of
    /// a running VM, by the definition that goes with it: in the other one are also those that a host's own configuration gives.
    /// </summary>
    /// <param name="definition">The VM's XML.</param>
    public static IEnumerable<MigrationObstacle> JudgeListening(string definition) =>
        Array.Exists(ListeningWords, word => definition.Contains(word, StringComparison.Ordinal))
            ? JudgeListening(DomainDefinition.Parse(definition)) : [];

    /// <inheritdoc cref="JudgeListening(string)"/>
    public static IEnumerable<MigrationObstacle> JudgeListening(XElement domain)
    {
        var told = new HashSet<string>(StringComparer.Ordinal);
        foreach (var device in domain.Elements("devices").Elements())
        {
            foreach (var address in ListeningAddresses(device).OfType<string>())
            {
                var what = device.Name.LocalName is "graphics"
                    ? $"screen ({((string?)device.Attribute("type") ?? "").ToUpperInvariant()})"
                    : $"{device.Name.LocalName} port";
                if (IsOfOneHost(address) is not { } isCertain || !told.Add(what + address))
                {
                    continue;
                }

                yield return new(
                    Kind.Address, $"The VM's {what} listens at '{address}', "
                        + $"{(isCertain ? "which is an address of one host" : "which may be another address, or none, on another host")}.",
                    "Let it listen at 0.0.0.0, at 127.0.0.1 or at the address of a network (listen type='network') in the VM's definition, "
                        + "and start the VM anew.", isCertain);
            }
        }
    }

    /// <summary>The virtual networks that a target must have.</summary>
    public static IReadOnlyList<string> Networks(XElement domain) =>
        [.. SourcesOfInterfaces(domain, "network").Distinct(StringComparer.Ordinal)];

    /// <summary>The bridges and network cards that a target must have, apart from those that belong to a virtual network.</summary>
    public static IReadOnlyList<string> HostInterfaces(XElement domain) =>
    [
        .. (from source in domain.Elements("devices").Elements("interface").Elements("source")
            where source.Attribute("network") is null && ((string?)source.Parent!.Attribute("type")) is "bridge" or "direct"
            let name = (string?)source.Attribute("bridge") ?? (string?)source.Attribute("dev")
            where name is not null
            select name).Distinct(StringComparer.Ordinal),
    ];

    /// <summary>The images that a target must see, as files or block devices of these paths.</summary>
    /// <param name="domain">The VM.</param>
    /// <param name="copied">Disks that are copied with it, by their names in the VM.</param>
    public static IReadOnlyList<string> Images(XElement domain, IReadOnlyList<DiskReading> copied) =>
    [
        .. domain.Elements("devices").Elements("disk")
            .Where(disk => !copied.Any(one => one.Target == DiskDefinition.TargetOf(disk)))
            .SelectMany(static disk => disk.DescendantsAndSelf())
            .Where(static layer => layer.Name.LocalName is "disk" or "backingStore").Select(DomainCopy.ImageOf).OfType<string>()
                .Distinct(StringComparer.Ordinal),
    ];

    /// <summary>Images that the hypervisor leaves out where they are missing: of drives whose startupPolicy says so.</summary>
    public static IReadOnlySet<string> OptionalImages(XElement domain) =>
        domain.Elements("devices").Elements("disk")
            .Where(static disk => (string?)disk.Element("source")?.Attribute("startupPolicy") is "optional" or "requisite")
            .Select(DomainCopy.ImageOf).OfType<string>().ToHashSet(StringComparer.Ordinal);

    /// <summary>The volumes that a target must have in its pools.</summary>
    public static IReadOnlyList<(string Pool, string Volume)> Volumes(XElement domain) =>
    [
        .. (from source in domain.Elements("devices").Elements("disk").Elements("source")
            let pool = (string?)source.Attribute("pool")
            let volume = (string?)source.Attribute("volume")
            where pool is not null && volume is not null
            select (pool, volume)).Distinct(),
    ];

    public static MigrationObstacle SameHost(string vm, string host) =>
        new(Kind.SameHost, $"'{vm}' is on {host} already.", "Give another host.");

    public static MigrationObstacle InMaintenance(string host) => new(
        Kind.Maintenance, $"{host} is in maintenance and takes no VMs.",
        $"Choose another host, or take it back into service: Resume-KumoiHost {host}");

    public static MigrationObstacle OtherHypervisor(string vm, string host) => new(
        Kind.Hypervisor, $"{host} cannot take '{vm}': it is of another kind, or of another simulated fleet.",
        "Migrate between hosts of the same kind.");

    public static MigrationObstacle? JudgeMemory(MigrationNeeds needs, string host, long freeBytes) =>
        freeBytes / needs.Copies >= needs.VM.MemoryBytes
            ? null
            : new(Kind.Memory,
                $"{host} has {freeBytes >> 20} MiB of memory free, '{needs.VM.Name}' may use {needs.VM.MemoryBytes >> 20} MiB"
                    + (needs.Copies == 1 ? "." : $", {needs.Copies} times."),
                "Choose a host with more free memory (Find-KumoiPlacement), or move VMs away from it.");

    public static MigrationObstacle Exists(string vm, string host, string what) => new(
        Kind.VMExists, $"{host} has {what} already: '{vm}' cannot come.",
        "Look with Get-KumoiVM; remove or rename the VM there if it is not needed.");

    public static MigrationObstacle UnknownImage(string host, string path) => new(
        Kind.Storage, $"'{path}' is in no active storage pool of {host}: it is not known whether the VM finds it there.",
        "See that the image is there under the same path, on shared storage.", IsFatal: false);

    /// <summary>The pool has the image's directory, and tells.</summary>
    public static MigrationObstacle MissingImage(string vm, string host, string path, string pool, bool isOptional) => new(
        Kind.Storage,
        $"'{path}', which '{vm}' has in a drive or as a disk, is missing on {host}: its storage pool '{pool}' has no such "
            + $"volume{(isOptional ? "; the drive will be empty there" : "")}.",
        $"Copy it there, or eject it; if the file is there, let the pool look again: 'virsh pool-refresh {pool}' on {host}.",
        IsFatal: !isOptional);

    /// <summary>A target's hypervisor that is older may not know what the source's has sent.</summary>
    public static MigrationObstacle? JudgeVersion(string what, Version? ofSource, Version? ofTarget, string host) =>
        ofSource is null || ofTarget is null || ofTarget >= ofSource
            ? null
            : new(Kind.Version, $"{host} has {what} {ofTarget}, older than the source's {ofSource}.",
                "Migrate to hosts with the same or a newer version, or upgrade that host first.", IsFatal: false);

    private static IEnumerable<string?> ListeningAddresses(XElement device) => device.Name.LocalName switch
    {
        // A network's address is the target's own when it arrives there.
        "graphics" when device.Elements("listen").Any() => device.Elements("listen").Where(static listen => Is(listen, "type", "address"))
            .Select(static listen => (string?)listen.Attribute("address")),
        "graphics" => [(string?)device.Attribute("listen")],
        "interface" when Is(device, "type", "server") => [(string?)device.Element("source")?.Attribute("address")],
        "interface" when Is(device, "type", "udp") => [(string?)device.Element("source")?.Element("local")?.Attribute("address")],
        _ => device.Elements("source").Where(static source => Is(source, "mode", "bind"))
            .Select(static source => (string?)source.Attribute("host")),
    };

    /// <summary>Null: every host has it. False: a name, which each host may know otherwise.</summary>
    private static bool? IsOfOneHost(string address) =>
        address.Length == 0 || string.Equals(address, "localhost", StringComparison.OrdinalIgnoreCase) ? null
        : !IPAddress.TryParse(address, out var ip) ? false
        : IPAddress.IsLoopback(ip) || ip.Equals(IPAddress.Any) || ip.Equals(IPAddress.IPv6Any) || IsMulticast(ip) ? null
        : true;

    private static bool IsMulticast(IPAddress ip) => ip.IsIPv6Multicast
        || (ip.AddressFamily is AddressFamily.InterNetwork && (ip.GetAddressBytes()[0] & 0xf0) is 0xe0);

    private static MigrationObstacle? JudgeDevice(XElement device) => device.Name.LocalName switch
    {
        "hostdev" => JudgeHostDevice(device),
        "interface" => (string?)device.Attribute("type") switch
        {
            "hostdev" when !IsUnpluggedByQemu(device) => Blocks($"A network card of the host{NameOf(device)}", Detach),
            "vdpa" => Blocks($"A vDPA network card{NameOf(device)}", Detach),
            "vhostuser" => Warns($"The vhost-user network card{NameOf(device)} needs a backend on the target that takes its state.",
                "See that the backend runs there."),
            _ => null,
        },
        "filesystem" => Is(device.Element("driver"), "type", "virtiofs")
            ? Blocks($"The virtiofs file system{TargetOf(device, "dir")}", Detach)
            : Warns($"The shared file system{TargetOf(device, "dir")} blocks the migration while the guest has it mounted.",
                "Unmount it in the guest first."),
        "shmem" => Is(device, "role", "master")
            ? null : Blocks($"The shared memory '{(string?)device.Attribute("name")}', of which the VM is not the master,", Detach),
        "memory" => (string?)device.Attribute("model") switch
        {
            "virtio-pmem" => Blocks("A virtio-pmem memory device", Detach),
            "nvdimm" =>
                Warns("The NVDIMM needs a backing file of the same size on the target.", "See that the file is there under the same path."),
            _ => null,
        },
        "tpm" => Is(device.Element("backend"), "type", "passthrough") ? Blocks("The host's TPM", Detach) : null,
        "disk" => JudgeDisk(device),
        _ => null,
    };

    private static MigrationObstacle? JudgeHostDevice(XElement device)
    {
        if (Is(device, "mode", "capabilities"))
        {
            return Blocks("A device of the host (hostdev mode 'capabilities')", Detach);
        }

        return (string?)device.Attribute("type") switch
        {
            "pci" when IsUnpluggedByQemu(device) => null,
            "usb" => Warns("The USB device of the host stays behind.", "Detach it first if the guest needs it in a known state."),
            "scsi" => Warns(
                "The SCSI device of the host must be there on the target under the same address.", "See that both hosts see the device."),
            var type => Blocks($"A device of the host (hostdev '{type}')", Detach),
        };
    }

    private static MigrationObstacle? JudgeDisk(XElement disk)
    {
        var name = TargetOf(disk, "dev");
        var format = (string?)disk.Element("driver")?.Attribute("type");
        return disk.Element("mirror") is not null
            ? new(Kind.Busy, $"The disk{name} is being copied or committed (a block job).",
                "Wait until that has ended ('virsh blockjob'), or end it.")
            : disk.Element("transient") is not null ? Blocks($"The transient disk{name}", Detach)
            : format is not null && StuckFormats.Contains(format)
                ? Blocks($"The disk{name} in the format '{format}'", "Convert the image to qcow2 or raw while the VM is off.")
            : Is(disk, "type", "vhostuser")
                ? Warns($"The vhost-user disk{name} needs a backend on the target.", "See that the backend runs there.")
            : null;
    }

    /// <summary>QEMU takes such a device away while it migrates, and the guest goes on with its partner.</summary>
    private static bool IsUnpluggedByQemu(XElement device) => Is(device.Element("teaming"), "type", "transient");

    private static IEnumerable<string> SourcesOfInterfaces(XElement domain, string attribute) =>
        domain.Elements("devices").Elements("interface").Elements("source").Select(source => (string?)source.Attribute(attribute))
            .OfType<string>();

    private static string NameOf(XElement device) => (string?)device.Element("mac")?.Attribute("address") is { } mac ? $" ({mac})" : "";

    private static string TargetOf(XElement device, string attribute) =>
        (string?)device.Element("target")?.Attribute(attribute) is { } target ? $" '{target}'" : "";

    private static MigrationObstacle Blocks(string what, string action) => new(Kind.Device, $"{what} cannot be migrated.", action);

    private static MigrationObstacle Warns(string message, string action) => new(Kind.Device, message, action, IsFatal: false);

    private static bool Is(XElement? element, string attribute, string value) =>
        string.Equals((string?)element?.Attribute(attribute), value, StringComparison.Ordinal);
}
