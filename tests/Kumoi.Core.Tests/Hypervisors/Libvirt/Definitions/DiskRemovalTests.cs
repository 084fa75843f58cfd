using System.Collections.Concurrent;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Definitions;
using Xunit;

namespace Kumoi.Tests.Hypervisors.Libvirt.Definitions;

/// <summary>Which disks go with a VM that is removed with its disks, and what is told of those that stay.</summary>
public sealed class DiskRemovalTests : LibvirtTest
{
    private readonly ConcurrentQueue<string> _warnings = new();

    [Fact]
    public async Task The_backing_file_of_another_VMs_disk_stays_and_the_warning_names_that_VM()
    {
        var link = await OpenNodeAsync(volumes: Volume("clone-1", "/images/clone-1", "/images/base-1"));
        var original = await DefineAsync(link, "base", new DiskSpec { NewVolumeBytes = 1 << 20, Format = "qcow2" });
        var clone = await DefineAsync(link, "clone", new DiskSpec { Path = "/images/clone-1", Format = "qcow2" });
        await link.SendAsync(new StartVM(clone.Id, Paused: false), Deadline);

        await RemoveAsync(link, original.Id);

        Assert.True(await HasAsync(link, "/images/base-1"));
        Assert.Null(await link.SendAsync(new FindVMByName("base"), Deadline));
        Assert.Equal(
            ["'/images/base-1' on " + link.HostName + " stays: the disk '/images/clone-1' of the VM 'clone' is built on it."], _warnings);
    }

    [Fact]
    public async Task So_does_one_below_it_in_another_pool_even_when_no_VM_uses_the_overlays()
    {
        var link = await OpenNodeAsync(
            volumes: Volume("base", "/images/base") + Volume("middle", "/images/middle", "/images/x/../base"),
            extra: "<pool type='dir'><name>other</name><target><path>/other</path></target>"
                + Volume("top", "/other/top", "/images/middle") + "</pool>");
        var vm = await DefineAsync(link, "vm", new DiskSpec { Path = "/images/base" }, new DiskSpec { Path = "/images/middle" });

        await RemoveAsync(link, vm.Id);

        Assert.True(await HasAsync(link, "/images/base"));
        Assert.True(await HasAsync(link, "/images/middle"));
        Assert.Contains(_warnings, static warning => warning.Contains("'/images/base'", StringComparison.Ordinal) && warning.Contains(
            "'/images/middle' is built on it", StringComparison.Ordinal));
        Assert.Contains(_warnings, static warning => warning.Contains("'/images/middle'", StringComparison.Ordinal) && warning.Contains(
            "'/other/top' is built on it", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_VMs_own_overlays_and_what_they_are_built_on_all_go()
    {
        var link = await OpenNodeAsync(volumes: Volume("base", "/images/base") + Volume("top", "/images/top", "/images/base"));
        var vm = await DefineAsync(link, "vm", new DiskSpec { Path = "/images/base" }, new DiskSpec { Path = "/images/top" });

        await RemoveAsync(link, vm.Id);

        Assert.False(await HasAsync(link, "/images/base"));
        Assert.False(await HasAsync(link, "/images/top"));
        Assert.Empty(_warnings);
    }

    [Theory]
    [InlineData("<disk type='file'><source file='/images//shared'/><target dev='vda'/></disk>")]
    [InlineData("<disk type='volume'><source pool='default' volume='shared'/><target dev='vda'/></disk>")]
    [InlineData("<disk type='file' device='cdrom'><source file='/images/shared'/><target dev='hda'/><readonly/></disk>")]
    [InlineData("<filesystem type='file'><source file='/images/shared'/><target dir='/'/></filesystem>")]
    public async Task What_another_definition_names_stays(string device)
    {
        var link = await OpenNodeAsync(volumes: Volume("shared", "/images/shared"));
        var vm = await DefineAsync(link, "vm", new DiskSpec { Path = "/images/shared" });
        await DefineXmlAsync(link, "other", device);

        await RemoveAsync(link, vm.Id);

        Assert.True(await HasAsync(link, "/images/shared"));
        Assert.Contains("the VM 'other' uses it", Assert.Single(_warnings), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_only_a_snapshot_of_another_VM_names_stays()
    {
        var link = await OpenNodeAsync(
            volumes: Volume("old", "/images/old") + Volume("new", "/images/new"),
            extra: Domain(
                "other", Disk("/images/new"),
                "<domainsnapshot><name>s</name><creationTime>1</creationTime><state>shutoff</state><active>0</active>"
                + Domain("other", Disk("/images/old")) + "</domainsnapshot>"));
        var vm = await DefineAsync(link, "vm", new DiskSpec { Path = "/images/old" });

        await RemoveAsync(link, vm.Id);

        Assert.True(await HasAsync(link, "/images/old"));
        Assert.Contains("the VM 'other' uses it", Assert.Single(_warnings), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_whose_name_only_begins_alike_is_not_the_same()
    {
        var link = await OpenNodeAsync(volumes: Volume("web-1", "/images/web-1") + Volume("web-10", "/images/web-10"));
        var vm = await DefineAsync(link, "vm", new DiskSpec { Path = "/images/web-1" });
        await DefineAsync(link, "other", new DiskSpec { Path = "/images/web-10" }, new DiskSpec { Path = "/other/images/web-1" });

        await RemoveAsync(link, vm.Id);

        Assert.False(await HasAsync(link, "/images/web-1"));
        Assert.Empty(_warnings);
    }

    [Fact]
    public async Task Where_a_chain_cannot_be_known_nothing_goes()
    {
        var link = await OpenNodeAsync(volumes: Volume("base", "/images/base"));
        var vm = await DefineAsync(link, "vm", new DiskSpec { Path = "/images/base" });
        await DefineAsync(link, "other", new DiskSpec { Path = "/elsewhere/o.qcow2" });

        await RemoveAsync(link, vm.Id);

        Assert.True(await HasAsync(link, "/images/base"));
        Assert.Contains("'/elsewhere/o.qcow2', which is in no active storage pool", Assert.Single(_warnings), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_pool_that_is_not_active_may_have_volumes_that_are_built_on_it()
    {
        var link = await OpenNodeAsync(
            volumes: Volume("base", "/images/base"),
            extra: "<pool type='dir'><name>asleep</name><target><path>/asleep</path></target></pool>");
        var vm = await DefineAsync(link, "vm", new DiskSpec { Path = "/images/base" });
        await StopPoolAsync(link, "asleep");

        await RemoveAsync(link, vm.Id);

        Assert.True(await HasAsync(link, "/images/base"));
        Assert.Contains("the storage pool 'asleep' is not active", Assert.Single(_warnings), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Undoing_leaves_a_volume_that_another_VM_is_built_on_and_says_so()
    {
        var link = await OpenNodeAsync(volumes: Volume("clone-1", "/images/clone-1", "/images/base-1"));
        var operation = OperationId.New();
        await link.SendAsync(new DefineVM(Small("base")
            with
        {
            Disks = [new DiskSpec { NewVolumeBytes = 1 << 20, Format = "qcow2" }, new DiskSpec { NewVolumeBytes = 1 << 20 }]
        })
        { Operation = operation }, Deadline);
        await DefineAsync(link, "clone", new DiskSpec { Path = "/images/clone-1", Format = "qcow2" });

        using (CallWarnings.Listen(_warnings.Enqueue))
        {
            Assert.True(await link.SendAsync(new UndoDefineVM(operation), Deadline));
        }

        Assert.True(await HasAsync(link, "/images/base-1"));
        Assert.False(await HasAsync(link, "/images/base-2"));
        Assert.Null(await link.SendAsync(new FindVMByName("base"), Deadline));
        Assert.Contains("the VM 'clone'", Assert.Single(_warnings), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_disk_that_is_given_as_a_volume_of_a_pool_goes()
    {
        var link = await OpenNodeAsync(volumes: Volume("v", "/images/v"));
        var vm = await DefineXmlAsync(link, "vm", "<disk type='volume'><source pool='default' volume='v'/><target dev='vda'/></disk>");

        await RemoveAsync(link, vm.Id);

        Assert.False(await HasAsync(link, "/images/v"));
        Assert.Empty(_warnings);
    }

    [Theory]
    [InlineData(
        "<disk type='file'><source file='/elsewhere/x.img'/><target dev='vda'/></disk>", "'/elsewhere/x.img' is in no active storage pool")]
    [InlineData("<disk type='block'><source dev='/dev/vg/x'/><target dev='vda'/></disk>", "'/dev/vg/x' is in no active storage pool")]
    [InlineData("<disk type='network'><source protocol='rbd' name='pool/x'/><target dev='vda'/></disk>", "'rbd:pool/x' is no volume")]
    [InlineData("<disk type='volume'><source pool='gone' "
        + "volume='x'/><target dev='vda'/></disk>", "the volume 'x' of the storage pool 'gone', stays")]
    [InlineData("<disk type='volume'><source pool='default' volume='x'/><target dev='vda'/></disk>", "was not found")]
    public async Task What_cannot_be_removed_is_named(string disk, string expected)
    {
        var link = await OpenNodeAsync();
        var vm = await DefineXmlAsync(link, "vm", disk);

        await RemoveAsync(link, vm.Id);

        Assert.Contains(expected, Assert.Single(_warnings), StringComparison.Ordinal);
        Assert.Contains("'vda' of 'vm'", Assert.Single(_warnings), StringComparison.Ordinal);
        Assert.Null(await link.SendAsync(new FindVMByName("vm"), Deadline));
    }

    [Fact]
    public async Task Shared_and_read_only_disks_were_not_to_go_and_are_not_spoken_of()
    {
        var link = await OpenNodeAsync(volumes: Volume("a", "/images/a") + Volume("b", "/images/b"));
        var vm = await DefineXmlAsync(
            link, "vm", "<disk type='file'><source file='/images/a'/><target dev='vda'/><shareable/></disk><disk type='file'><source "
                + "file='/images/b'/><target dev='vdb'/><readonly/></disk>");

        await RemoveAsync(link, vm.Id);

        Assert.True(await HasAsync(link, "/images/a"));
        Assert.True(await HasAsync(link, "/images/b"));
        Assert.Empty(_warnings);
    }

    private static string Volume(string name, string path, string? backing = null) =>
        $"<volume><name>{name}</name><capacity>1048576</capacity><target><path>{path}</path><format type='qcow2'/></target>"
        + (backing is null ? "" : $"<backingStore><path>{backing}</path><format type='qcow2'/></backingStore>") + "</volume>";

    private static string Disk(string path) => $"<disk type='file'><source file='{path}'/><target dev='vda'/></disk>";

    private static string Domain(string name, string devices, string inside = "") =>
        $"<domain type='test'><name>{name}</name><uuid>1c3c8b8e-0b3c-4e53-9d5a-0d9a2f2a7a11</uuid><memory>65536</memory>"
            + $"<os><type>hvm</type></os><devices>{devices}</devices>{(inside.Length == 0 ? "" : Snapshots(inside))}</domain>";

    private static string Snapshots(string inside) =>
        "<test:runstate xmlns:test='http://libvirt.org/schemas/domain/test/1.0'>5</test:runstate>"
            + inside
                .Replace(
                    "<domainsnapshot>", "<test:domainsnapshot xmlns:test='http://libvirt.org/schemas/domain/test/1.0'>",
                    StringComparison.Ordinal)
                .Replace("</domainsnapshot>", "</test:domainsnapshot>", StringComparison.Ordinal);

    private Task<VMReading> DefineAsync(IHypervisorLink link, string name, params DiskSpec[] disks) =>
        link.SendAsync(new DefineVM(Small(name) with { Disks = disks }), Deadline).AsTask();

    private Task<VMReading> DefineXmlAsync(IHypervisorLink link, string name, string devices)
    {
        var xml = $"<domain type='test'><name>{name}</name><memory>65536</memory>"
            + $"<os><type>hvm</type></os><devices>{devices}</devices></domain>";
        return link.SendAsync(new DefineVM(new VMSpec { Xml = xml }), Deadline).AsTask();
    }

    private async Task RemoveAsync(IHypervisorLink link, Guid id)
    {
        using var listening = CallWarnings.Listen(_warnings.Enqueue);
        await link.SendAsync(new UndefineVM(id, RemoveVolumes: true), Deadline);
    }

    private Task<bool> HasAsync(IHypervisorLink link, string path) => ((LibvirtLink)link).ReadAsync(
        connection =>
        {
            using var volume = VolumeStore.FindByPath(connection, path);
            return volume is not null;
        },
        Deadline);

    private Task StopPoolAsync(IHypervisorLink link, string name) => ((LibvirtLink)link).ReadAsync(
        connection =>
        {
            using var pool = VolumeStore.GetPool(connection, name);
            return virStoragePoolDestroy(pool.DangerousGetHandle());
        },
        Deadline);

    [System.Runtime.InteropServices.DllImport("libvirt.so.0")]
    private static extern int virStoragePoolDestroy(nint pool);
}
