using System.Xml.Linq;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Xunit;

namespace Kumoi.Tests.Lab;

/// <summary>Disks of real guests, which run or are off, on hosts of both generations.</summary>
public sealed class DiskTests(RealLab lab) : LabTest(lab)
{
    private const long MiB = 1L << 20;

    public static TheoryData<string> Hosts => ["k1", "k2"];

    [Theory]
    [MemberData(nameof(Hosts))]
    public async Task A_new_disk_comes_to_a_VM_that_runs_grows_and_goes_and_its_image_only_when_that_was_said(string host)
    {
        var before = Files(host);
        var vm = await CreateTickAsync(host);
        await Lab.CountsOnAsync(host, "tick");
        var disk = await VMDisks.AddAsync(vm, New(8 * MiB, DiskBus.Scsi), CancellationToken.None);
        Assert.Equal(("sda", 8 * MiB, $"{Lab.HostImages}/tick-1"), (disk.Target, disk.CapacityBytes, disk.Path));
        Assert.Equal(["sda", "sda"], (await DefinedAsync(host, "sda")).Select(one => (string)one.Element("target")!.Attribute("dev")!));

        Assert.Equal(16 * MiB, (await VMDisks.ResizeAsync(disk, 16 * MiB, CancellationToken.None)).CapacityBytes);
        await RefusedAsync(HypervisorError.InvalidSpecification, () => VMDisks.ResizeAsync(disk, 8 * MiB, CancellationToken.None));
        await VMDisks.RemoveAsync(disk, deleteVolume: false, CancellationToken.None);
        Assert.Empty(await DefinedAsync(host, "sda"));
        Assert.Equal(["tick-1"], Files(host).Except(before));

        disk = await VMDisks.AddAsync(
            vm, new DiskAddition { Path = disk.Path, Bus = DiskBus.Scsi, Format = "qcow2" }, CancellationToken.None);
        await VMDisks.RemoveAsync(disk, deleteVolume: true, CancellationToken.None);
        await VMDisks.RemoveAsync(disk, deleteVolume: true, CancellationToken.None); // it is gone, as was wanted
        Assert.Equal(before, Files(host));
        await Lab.CountsOnAsync(host, "tick");
    }

    [Theory]
    [MemberData(nameof(Hosts))]
    public async Task A_VM_that_is_off_gets_and_loses_disks_in_its_definition(string host)
    {
        var before = Files(host);
        var vm = await CreateAsync(Host(host), "tick", "idle", start: false);
        var disk = await VMDisks.AddAsync(vm, New(8 * MiB), CancellationToken.None);
        Assert.Equal("vda", disk.Target);
        Assert.Equal(32 * MiB, (await VMDisks.ResizeAsync(disk, 32 * MiB, CancellationToken.None)).CapacityBytes);
        var second = await VMDisks.AddAsync(vm, New(8 * MiB), CancellationToken.None);
        Assert.Equal(("vdb", $"{Lab.HostImages}/tick-2"), (second.Target, second.Path));
        Assert.Equal(["fda", "vda", "vdb"], (await VMDisks.ReadAsync(vm, CancellationToken.None)).Select(one => one.Target));

        // With another image in it by now, it is not the disk that was meant.
        await VMDisks.RemoveAsync(disk, deleteVolume: true, CancellationToken.None);
        var other = await VMDisks.AddAsync(vm, New(4 * MiB) with { VolumeName = "other" }, CancellationToken.None);
        Assert.Equal("vda", other.Target);
        await RefusedAsync(HypervisorError.InvalidState, () => VMDisks.RemoveAsync(disk, deleteVolume: true, CancellationToken.None));
        await VMActions.RemoveAsync(vm, turnOff: false, removeVolumes: true, CancellationToken.None);
        Assert.Equal(before, Files(host));
    }

    [Theory]
    [MemberData(nameof(Hosts))]
    public async Task A_Linux_guest_sees_a_disk_come_grow_and_go_and_a_disc_come_into_its_drive_and_leave_it(string host)
    {
        var xml = XElement.Parse(await Lab.XmlAsync("linux", "linux"));
        xml.Element("os")!.Element("cmdline")!.Value += " kdisks=1";
        xml.Element("devices")!.Add(
            XElement.Parse("<controller type='scsi' model='virtio-scsi'/>"),
            XElement.Parse("<disk type='file' device='cdrom'><target dev='sda' bus='scsi'/></disk>"));
        var vm = await CreateXmlAsync(Host(host), xml.ToString());
        await SeesAsync("");

        var disk = await VMDisks.AddAsync(vm, New(8 * MiB), CancellationToken.None);
        await SeesAsync(" vda=8192");
        await VMDisks.ResizeAsync(disk, 16 * MiB, CancellationToken.None);
        await SeesAsync(" vda=16384");
        var disc = await HostStorage.CreateVolumeAsync(Host(host), "default", "disc.iso", "raw", 4 * MiB, CancellationToken.None);
        await VMDisks.SetCdDriveAsync(vm, target: null, disc.Path, force: false, CancellationToken.None);
        await SeesAsync(" vda=16384 sr0=4096");
        await VMDisks.SetCdDriveAsync(vm, target: null, path: null, force: false, CancellationToken.None);
        await SeesAsync(" vda=16384");
        await VMDisks.RemoveAsync(disk, deleteVolume: true, CancellationToken.None);
        await SeesAsync("");
        await HostStorage.RemoveVolumeAsync(disc, CancellationToken.None);

        Task SeesAsync(string disks) => Eventually.HoldsAsync(
            () => Lab.Printed(host, "linux")?.Split('\n').LastOrDefault(static line => line.StartsWith("DISKS", StringComparison.Ordinal))
                ?.TrimEnd('\r') == "DISKS" + disks,
            $"the guest sees '{disks}'");
    }

    /// <summary>The tick guest knows nothing of PCI.</summary>
    [Fact]
    public async Task A_guest_that_does_not_let_go_keeps_its_disk_and_the_waiting_can_be_ended()
    {
        var vm = await CreateTickAsync("k2");
        var disk = await VMDisks.AddAsync(vm, New(8 * MiB), CancellationToken.None);
        using var stop = new CancellationTokenSource();
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => VMDisks.RemoveAsync(disk, deleteVolume: true, stop.Token));
        Assert.Equal(2, (await DefinedAsync("k2", "vda")).Count);
        await VMActions.RemoveAsync(vm, turnOff: true, removeVolumes: true, CancellationToken.None);
    }

    [Theory]
    [MemberData(nameof(Hosts))]
    public async Task Discs_are_put_into_the_drive_and_ejected(string host)
    {
        var xml = (await Lab.XmlAsync("tick", "idle")).Replace(
            "<devices>", "<devices><disk type='file' device='cdrom'><target dev='hda' bus='ide'/></disk>", StringComparison.Ordinal);
        var vm = await CreateXmlAsync(Host(host), xml);
        var image = $"{Lab.HostImages}/tick.img";
        await Lab.CountsOnAsync(host, "tick"); // while its BIOS looks for discs, it closes what libvirt opens
        Assert.Null(await VMDisks.SetCdDriveAsync(vm, target: null, image, force: false, CancellationToken.None));
        Assert.All(await DefinedAsync(host, "hda"), drive => Assert.Equal(image, (string?)drive.Element("source")?.Attribute("file")));
        await RefusedAsync(
            HypervisorError.StorageFailed,
            () => VMDisks.SetCdDriveAsync(vm, target: null, $"{Lab.HostImages}/none.iso", force: false, CancellationToken.None));
        Assert.Equal(image, await VMDisks.SetCdDriveAsync(vm, "hda", path: null, force: false, CancellationToken.None));
        Assert.All(await DefinedAsync(host, "hda"), drive => Assert.Null(drive.Element("source")?.Attribute("file")));
        Assert.Null((await VMDisks.ReadAsync(vm, CancellationToken.None)).Single(one => one.Device is DiskDevice.CdDrive).Source);
        await RefusedAsync(
            HypervisorError.DiskNotFound, () => VMDisks.SetCdDriveAsync(vm, "hdb", path: null, force: false, CancellationToken.None));
        await VMActions.StopAsync(vm, turnOff: true, TimeSpan.Zero, TimeProvider.System, CancellationToken.None);
        Assert.Null(await VMDisks.SetCdDriveAsync(vm, target: null, image, force: false, CancellationToken.None));
        Assert.Equal(image, (string?)(await DefinedAsync(host, "hda")).Single().Element("source")!.Attribute("file"));
    }

    [Theory]
    [MemberData(nameof(Hosts))]
    public async Task What_is_missing_in_use_or_there_already_is_one_clear_error_and_leaves_nothing(string host)
    {
        var before = Files(host);
        var vm = await CreateAsync(Host(host), "tick", "idle", start: false);
        var other = await CreateAsync(Host(host), "other", "idle", start: false);
        var taken = await VMDisks.AddAsync(other, New(4 * MiB), CancellationToken.None);
        var files = Files(host);
        await RefusedAsync(HypervisorError.StorageFailed, () => AddAsync(new DiskAddition { Path = $"{Lab.HostImages}/none.qcow2" }));
        await RefusedAsync(HypervisorError.InvalidState, () => AddAsync(new DiskAddition { Path = taken.Path }));
        await RefusedAsync(HypervisorError.InvalidSpecification, () => AddAsync(new DiskAddition { Path = "relative.img" }));
        await RefusedAsync(HypervisorError.StorageFailed, () => AddAsync(New(4 * MiB) with { VolumeName = "other-1" }));
        await RefusedAsync(HypervisorError.StorageFailed, () => AddAsync(New(4 * MiB) with { StoragePool = "none" }));
        await RefusedAsync(HypervisorError.InvalidSpecification, () => AddAsync(New(4 * MiB) with { VolumeName = "../x" }));
        Assert.Equal(files, Files(host));
        Assert.Equal(["fda"], (await VMDisks.ReadAsync(vm, CancellationToken.None)).Select(one => one.Target));
        await VMActions.RemoveAsync(other, turnOff: false, removeVolumes: true, CancellationToken.None);
        Assert.Equal(before, Files(host));

        Task AddAsync(DiskAddition disk) => VMDisks.AddAsync(vm, disk, CancellationToken.None);
    }

    [Theory]
    [MemberData(nameof(Hosts))]
    public async Task What_the_host_knows_of_a_disk_is_what_it_knows_of_one_that_virsh_attaches(string host)
    {
        var vm = await CreateTickAsync(host);
        await VMDisks.AddAsync(vm, New(4 * MiB), CancellationToken.None);
        await Lab.ExecuteAsync(host, "qemu-img", "create", "-q", "-f", "qcow2", $"{Lab.HostImages}/virsh.qcow2", "4M");
        await Lab.ExecuteAsync(
            host, "virsh", "-q", "attach-disk", "tick", $"{Lab.HostImages}/virsh.qcow2", "vdb", "--driver", "qemu", "--subdriver", "qcow2",
            "--targetbus", "virtio", "--live", "--config");
        Assert.Equal(Bare(await DefinedAsync(host, "vdb")), Bare(await DefinedAsync(host, "vda")));
        await VMActions.RemoveAsync(vm, turnOff: true, removeVolumes: true, CancellationToken.None);
        await Lab.ExecuteAsync(host, "rm", "-f", $"{Lab.HostImages}/virsh.qcow2");

        static string Bare(IEnumerable<XElement> disks) => string.Join('\n', disks.Select(disk =>
        {
            foreach (var part in (string[])["address", "alias"])
            {
                disk.Element(part)?.Remove();
            }

            disk.Element("source")?.RemoveAttributes();
            disk.Element("target")?.SetAttributeValue("dev", "x");
            return disk.ToString();
        }));
    }

    [Theory]
    [MemberData(nameof(Hosts))]
    public async Task Volumes_are_made_grow_and_go_as_those_that_virsh_makes_and_stay_while_they_are_used(string host)
    {
        var before = Files(host);
        var pool = (await HostStorage.ReadPoolsAsync(Host(host), CancellationToken.None)).Single(one => one.Name == "default");
        Assert.Equal((true, Lab.HostImages), (pool.IsActive, pool.Path));
        var ours = await HostStorage.CreateVolumeAsync(Host(host), "default", "ours", "qcow2", 8 * MiB, CancellationToken.None);
        await Lab.ExecuteAsync(host, "virsh", "-q", "vol-create-as", "default", "virsh", "8M", "--format", "qcow2");
        Assert.Equal(16 * MiB, (await HostStorage.ResizeVolumeAsync(ours, 16 * MiB, CancellationToken.None)).CapacityBytes);
        await Lab.ExecuteAsync(host, "virsh", "-q", "vol-resize", "virsh", "16M", "default");
        var volumes = await HostStorage.ReadVolumesAsync(pool, CancellationToken.None);
        Assert.Equal(Facts(volumes.Single(one => one.Name == "virsh")), Facts(volumes.Single(one => one.Name == "ours")));

        var vm = await CreateAsync(Host(host), "tick", "idle", start: false);
        var disk = await VMDisks.AddAsync(vm, new DiskAddition { Path = ours.Path, Format = "qcow2" }, CancellationToken.None);
        await RefusedAsync(HypervisorError.InvalidState, () => HostStorage.RemoveVolumeAsync(ours, CancellationToken.None));
        await VMDisks.RemoveAsync(disk, deleteVolume: false, CancellationToken.None);
        foreach (var volume in volumes.Where(one => one.Name is "ours" or "virsh"))
        {
            await HostStorage.RemoveVolumeAsync(volume, CancellationToken.None);
        }

        Assert.Equal(before, Files(host));

        static (string Format, long Capacity, long Allocated) Facts(KumoiVolume volume) =>
            (volume.Format, volume.CapacityBytes, volume.AllocatedBytes);
    }

    [Theory]
    [MemberData(nameof(Hosts))]
    public async Task Limits_hold_at_once_and_from_the_next_start_on_and_the_others_are_set_while_it_is_off(string host)
    {
        var vm = await CreateTickAsync(host);
        var disk = await VMDisks.AddAsync(vm, New(4 * MiB), CancellationToken.None);
        var set = await VMDisks.SetAsync(
            disk, new DiskSettings { ReadBytesPerSecond = 2 * MiB, OperationsPerSecond = 300 }, CancellationToken.None);
        Assert.Equal(new DiskLimits(ReadBytesPerSecond: 2 * MiB, OperationsPerSecond: 300), set.Limits);
        set = await VMDisks.SetAsync(disk, new DiskSettings { BytesPerSecond = 3 * MiB }, CancellationToken.None);
        Assert.Equal(new DiskLimits(3 * MiB, OperationsPerSecond: 300), set.Limits);
        Assert.Equal(
            ["300 3145728", "300 3145728"],
            (await DefinedAsync(host, "vda")).Select(one => $"{(string?)one.Element("iotune")?.Element("total_iops_sec")} "
                + (string?)one.Element("iotune")?.Element("total_bytes_sec")));
        await RefusedAsync(
            HypervisorError.InvalidState,
            () => VMDisks.SetAsync(disk, new DiskSettings { Cache = DiskCache.None }, CancellationToken.None));

        await VMActions.StopAsync(vm, turnOff: true, TimeSpan.Zero, TimeProvider.System, CancellationToken.None);
        set = await VMDisks.SetAsync(
            disk,
            new DiskSettings { Cache = DiskCache.None, Io = DiskIo.Native, Discard = DiskDiscard.Unmap, BytesPerSecond = 0 },
            CancellationToken.None);
        Assert.Equal(
            (DiskCache.None, DiskIo.Native, DiskDiscard.Unmap, new DiskLimits(OperationsPerSecond: 300)),
            (set.Cache, set.Io, set.Discard, set.Limits));
        await VMActions.StartAsync(vm, paused: false, CancellationToken.None);
        Assert.Equal(set.Limits, (await VMDisks.ReadAsync(vm, CancellationToken.None)).Single(one => one.Target == "vda").Limits);
        await VMActions.RemoveAsync(vm, turnOff: true, removeVolumes: true, CancellationToken.None);
    }

    private static DiskAddition New(long bytes, DiskBus bus = DiskBus.Virtio) => new() { NewVolumeBytes = bytes, Bus = bus };

    private static async Task RefusedAsync(HypervisorError error, Func<Task> call)
    {
        var refusal = await Assert.ThrowsAsync<HypervisorException>(call);
        Assert.Equal(error, refusal.Error);
        Assert.NotEmpty(refusal.RecommendedAction!);
    }

    /// <summary>Without ACPI a machine takes no devices while it runs.</summary>
    private async Task<KumoiVM> CreateTickAsync(string host) => await CreateXmlAsync(
        Host(host),
        (await Lab.XmlAsync("tick", "idle")).Replace("</os>", "</os><features><acpi/></features>", StringComparison.Ordinal)
            .Replace("<devices>", "<devices><controller type='scsi' model='virtio-scsi'/>", StringComparison.Ordinal));

    /// <summary>The disk as virsh shows it now, and in the definition.</summary>
    private async Task<List<XElement>> DefinedAsync(string host, string target)
    {
        List<XElement> found = [];
        var isOff = await StateAsync(host, "tick") is PowerState.Shutoff;
        foreach (var how in isOff ? (string[])["--inactive"] : ["--security-info", "--inactive"])
        {
            var domain = XElement.Parse(await Lab.ExecuteAsync(host, "virsh", "-q", "dumpxml", "tick", how));
            found.AddRange(domain.Elements("devices").Elements("disk")
                .Where(disk => (string?)disk.Element("target")?.Attribute("dev") == target));
        }

        return found;
    }

    private string[] Files(string host) =>
        [.. Directory.EnumerateFiles(Lab.Host(host).Images).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];
}
