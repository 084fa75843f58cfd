using System.Xml.Linq;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Definitions;
using Xunit;

namespace Kumoi.Tests.Hypervisors.Libvirt.Definitions;

/// <summary>A VM whose disks are copies of those in its XML.</summary>
public sealed class CopyDisksTests : LibvirtTest
{
    /// <summary>In a pool of 100 GiB.</summary>
    private const string Volumes = """
        <volume type='file'><name>base</name><capacity unit='GiB'>30</capacity>
          <allocation unit='GiB'>5</allocation><target><format type='qcow2'/></target></volume>
        <volume type='file'><name>data</name><capacity unit='GiB'>40</capacity>
          <allocation unit='GiB'>35</allocation><target><format type='raw'/></target></volume>
        <volume type='file'><name>sealed</name><capacity unit='GiB'>1</capacity>
          <target><format type='raw'/><encryption format='luks'>
            <secret type='passphrase' uuid='f52a81b2-424e-490c-823d-6bd4235bc572'/></encryption></target></volume>
        """;

    private const string Base =
        "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/images/base'/><target dev='vda'/></disk>";
    private const string Data = "<disk type='file'><source file='/images/data'/><target dev='vdb'/></disk>";

    private readonly OperationId _operation = OperationId.New();

    [Fact]
    public async Task Each_disk_that_is_written_to_becomes_a_volume_of_its_own()
    {
        var link = await OpenAsync();

        var vm = await link.SendAsync(new DefineVM(Copy(Base + Data)) { Operation = _operation }, Deadline);

        Assert.Equal(["/images/web-1", "/images/web-2"], await ImagesAsync(link, vm));
        Assert.Equal((30L << 30, 5L << 30, "qcow2"), await VolumeAsync(link, "web-1"));
        Assert.Equal((40L << 30, 35L << 30, "raw"), await VolumeAsync(link, "web-2"));
        Assert.Equal((30L << 30, 5L << 30, "qcow2"), await VolumeAsync(link, "base"));
    }

    [Fact]
    public async Task Disks_that_can_be_shared_are()
    {
        const string Shared = """
            <disk type='file'><source file='/images/base'/><target dev='vda'/><readonly/></disk>
            <disk type='file'><source file='/elsewhere'/><target dev='vdb'/><shareable/></disk>
            <disk type='file' device='cdrom'><source file='/iso'/><target dev='hda' bus='ide'/></disk>
            <disk type='file' device='floppy'><source file='/floppy'/><target dev='fda' bus='fdc'/></disk>
            <disk type='file' device='cdrom'><target dev='hdb' bus='ide'/></disk>
            """;
        var link = await OpenAsync();

        var vm = await link.SendAsync(new DefineVM(Copy(Shared)) { Operation = _operation }, Deadline);

        Assert.Equal(["/elsewhere", "/floppy", "/images/base", "/iso"], (await ImagesAsync(link, vm)).Order());
        Assert.Null(await VolumeAsync(link, "web-1"));
    }

    [Fact]
    public async Task A_copy_stands_for_itself()
    {
        const string Chain = """
            <disk type='file'><driver name='qemu' type='qcow2'/><source file='/images/base'/>
              <backingStore type='file'><format type='raw'/><source file='/images/data'/></backingStore><target dev='vda'/></disk>
            """;
        var link = await OpenAsync();

        var vm = await link.SendAsync(new DefineVM(Copy(Chain)) { Operation = _operation }, Deadline);

        Assert.Empty(XElement.Parse(await link.SendAsync(new ReadDefinition(vm.Id), Deadline)).Descendants("backingStore"));
    }

    [Fact]
    public async Task Undoing_removes_the_copies_and_leaves_the_originals()
    {
        var link = await OpenAsync();
        await link.SendAsync(new DefineVM(Copy(Base + Data)) { Operation = _operation }, Deadline);

        Assert.True(await link.SendAsync(new UndoDefineVM(_operation), Deadline));

        Assert.Empty(await link.SendAsync(new ReadVMs(), Deadline));
        Assert.Null(await VolumeAsync(link, "web-1"));
        Assert.Null(await VolumeAsync(link, "web-2"));
        Assert.NotNull(await VolumeAsync(link, "base"));
        Assert.NotNull(await VolumeAsync(link, "data"));
    }

    [Theory]
    [InlineData("<disk type='file'><source file='/elsewhere/disk.img'/><target dev='vdb'/></disk>")]
    [InlineData("<disk type='network'><source protocol='rbd' name='pool/image'/><target dev='vdb'/></disk>")]
    [InlineData("<disk type='file'><source file='/images/sealed'/><target dev='vdb'/></disk>")]
    [InlineData("<disk type='file'><source file='/images/data'><encryption format='luks'><secret type='passphrase' "
        + "uuid='f52a81b2-424e-490c-823d-6bd4235bc572'/></encryption></source><target dev='vdb'/></disk>")]
    // What the guest wrote must not be taken for a header.
    [InlineData("<disk type='file'><driver type='raw'/><source file='/images/base'/><target dev='vdb'/></disk>")]
    public async Task What_cannot_be_copied_is_a_bad_specification_before_anything_is_made(string disk)
    {
        var link = await OpenAsync();

        var failure = await FailsAsync(
            HypervisorError.InvalidSpecification, FaultDomain.VM,
            () => link.SendAsync(new DefineVM(Copy(Base + disk)) { Operation = _operation }, Deadline).AsTask());

        Assert.Contains("'vdb'", failure.Message, StringComparison.Ordinal);
        Assert.Contains("pool", failure.RecommendedAction, StringComparison.Ordinal);
        Assert.Empty(await link.SendAsync(new ReadVMs(), Deadline));
        Assert.Null(await VolumeAsync(link, "web-1"));
    }

    [Fact]
    public async Task When_one_copy_finds_no_room_all_are_removed()
    {
        const string OnceMore = "<disk type='file'><source file='/images/data'/><target dev='vdc'/></disk>";
        var link = await OpenAsync();

        var failure = await Assert.ThrowsAsync<HypervisorException>(
            () => link.SendAsync(new DefineVM(Copy(Base + Data + OnceMore)) { Operation = _operation }, Deadline).AsTask());

        Assert.Contains("'web-3'", failure.Message, StringComparison.Ordinal);
        Assert.False(failure.OutcomeUnknown);
        Assert.Empty(await link.SendAsync(new ReadVMs(), Deadline));
        Assert.Null(await VolumeAsync(link, "web-1"));
        Assert.Null(await VolumeAsync(link, "web-2"));
        Assert.NotNull(await VolumeAsync(link, "data"));
    }

    [Fact]
    public async Task Somebody_elses_volume_of_that_name_is_left_alone()
    {
        var link = await OpenAsync();
        await link.SendAsync(new DefineVM(Small("web") with { Disks = [new DiskSpec { NewVolumeBytes = 1 << 20 }] }), Deadline);
        await link.SendAsync(new UndefineVM((await link.SendAsync(new FindVMByName("web"), Deadline))!.Id, RemoveVolumes: false), Deadline);

        await FailsAsync(HypervisorError.StorageFailed, FaultDomain.Storage, () => link.SendAsync(
            new DefineVM(Copy(Base)) { Operation = _operation }, Deadline).AsTask());

        Assert.Empty(await link.SendAsync(new ReadVMs(), Deadline));
        Assert.Equal((1L << 20, 0L, "raw"), await VolumeAsync(link, "web-1"));
    }

    [Fact]
    public async Task Only_the_disks_of_XML_are_copied()
    {
        var link = await OpenAsync();
        await FailsAsync(
            HypervisorError.InvalidSpecification, FaultDomain.VM,
            () => link.SendAsync(new DefineVM(Small("web") with { CopyDisks = true }) { Operation = _operation }, Deadline).AsTask());
    }

    [Fact]
    public async Task Cancelled_before_it_begins_it_makes_nothing()
    {
        var link = await OpenAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => link.SendAsync(new DefineVM(Copy(Base)) { Operation = _operation }, new CancellationToken(canceled: true)).AsTask());

        Assert.Empty(await link.SendAsync(new ReadVMs(), Deadline));
        Assert.Null(await VolumeAsync(link, "web-1"));
    }

    private static VMSpec Copy(string disks) => new()
    {
        Name = "web",
        Xml = "<domain type='test'><name>master</name><memory "
            + $"unit='MiB'>64</memory><os><type>hvm</type></os><devices>{disks}</devices></domain>",
        CopyDisks = true,
    };

    private async Task<LibvirtLink> OpenAsync() => (LibvirtLink)await OpenNodeAsync(volumes: Volumes);

    private async Task<IEnumerable<string?>> ImagesAsync(LibvirtLink link, VMReading vm) =>
        from disk in XElement.Parse(await link.SendAsync(new ReadXml(vm.Id), Deadline)).Element("devices")!.Elements("disk")
        let image = (string?)disk.Element("source")?.Attribute("file")
        where image is not null
        select image;

    /// <summary>Null if there is none.</summary>
    private Task<(long Capacity, long Allocation, string? Format)?> VolumeAsync(LibvirtLink link, string name) => link.ReadAsync(
        connection =>
        {
            using var handle = VolumeStore.FindByPath(connection, "/images/" + name);
            return handle is not null && VolumeStore.ReadXml(connection, handle) is var volume
                ? ((long)volume.Element("capacity")!, (long)volume.Element("allocation")!,
                    (string?)volume.Element("target")!.Element("format")!.Attribute("type"))
                : ((long, long, string?)?)null;
        },
        Deadline);
}
