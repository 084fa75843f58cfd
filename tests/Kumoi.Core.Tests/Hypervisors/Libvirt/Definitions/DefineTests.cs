using System.Xml.Linq;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Libvirt.Definitions;
using Xunit;

namespace Kumoi.Tests.Hypervisors.Libvirt.Definitions;

public sealed class DefineTests : LibvirtTest
{
    private static readonly XNamespace Ours = KumoiMetadata.Namespace;

    private readonly OperationId _operation = OperationId.New();

    [Fact]
    public async Task A_name_is_given_once()
    {
        var link = await OpenNodeAsync();
        var first = await link.SendAsync(new DefineVM(Small("web")) { Operation = _operation }, Deadline);

        var failure = await FailsAsync(
            HypervisorError.VMExists, FaultDomain.VM,
            () => link.SendAsync(new DefineVM(Small("web") with { CpuCount = 4 }), Deadline).AsTask());

        Assert.Equal(1, (await link.SendAsync(new FindVM(first.Id), Deadline))!.CpuCount);
        Assert.False(failure.OutcomeUnknown);
    }

    [Fact]
    public async Task Of_many_who_define_the_same_name_one_wins()
    {
        var link = await OpenNodeAsync();

        OperationId[] operations = [.. Enumerable.Range(0, 16).Select(static _ => OperationId.New())];
        var results = await Task.WhenAll(operations.Select(async id =>
        {
            try
            {
                await link.SendAsync(new DefineVM(Small("web")) { Operation = id }, Deadline);
                return null;
            }
            catch (HypervisorException e)
            {
                return e;
            }
        }));

        Assert.Single(results, static failure => failure is null);
        Assert.All(results.OfType<HypervisorException>(), static failure => Assert.Equal(HypervisorError.VMExists, failure.Error));
        Assert.True(await link.SendAsync(new UndoDefineVM(operations[Array.IndexOf(results, null)]), Deadline));
    }

    [Fact]
    public async Task Undoing_removes_what_the_operation_made_and_nothing_else()
    {
        var link = await OpenNodeAsync(vmCount: 2);
        var other = OperationId.New();
        await link.SendAsync(
            new DefineVM(Small("other") with { Disks = [new DiskSpec { NewVolumeBytes = 1 << 20 }] }) { Operation = other }, Deadline);
        var mine = await link.SendAsync(new DefineVM(Small("mine")
            with
        { Disks = [new DiskSpec { Path = "/images/base.img" }, new DiskSpec { NewVolumeBytes = 1 << 20 }] })
        {
            Operation =
                _operation
        }, Deadline);
        await link.SendAsync(new StartVM(mine.Id, Paused: false) { Operation = _operation }, Deadline);

        Assert.True(await link.SendAsync(new UndoDefineVM(_operation), Deadline));

        Assert.Equal(["other", "vm0", "vm1"], (await link.SendAsync(new ReadVMs(), Deadline)).Select(static vm => vm.Name).Order());
        Assert.False(await link.SendAsync(new UndoDefineVM(_operation), Deadline));

        // Its volume is gone, the other's is not: the one name can be used again, the other cannot.
        await link.SendAsync(new DefineVM(Small("mine")
            with
        { Disks = [new DiskSpec { Path = "/images/base.img" }, new DiskSpec { NewVolumeBytes = 1 << 20 }] })
        {
            Operation =
                _operation
        }, Deadline);
        var stillThere = (await link.SendAsync(new FindVMByName("other"), Deadline))!;
        await link.SendAsync(new UndefineVM(stillThere.Id, RemoveVolumes: false) { Operation = other }, Deadline);
        await FailsAsync(
            HypervisorError.StorageFailed,
            FaultDomain.Storage,
            () => link.SendAsync(
                new DefineVM(Small("other") with { Disks = [new DiskSpec { NewVolumeBytes = 1 << 20 }] }) { Operation = other },
                Deadline).AsTask());
    }

    [Fact]
    public async Task Removing_a_VM_with_its_volumes_frees_their_names()
    {
        var link = await OpenNodeAsync();
        VMSpec spec = Small("db") with { Disks = [new DiskSpec { NewVolumeBytes = 1 << 20, Format = "qcow2" }] };
        var first = await link.SendAsync(new DefineVM(spec) { Operation = _operation }, Deadline);
        var path = DiskOf(await link.SendAsync(new ReadXml(first.Id), Deadline));

        await link.SendAsync(new UndefineVM(first.Id, RemoveVolumes: true) { Operation = _operation }, Deadline);

        var second = await link.SendAsync(new DefineVM(spec), Deadline);
        Assert.Equal(path, DiskOf(await link.SendAsync(new ReadXml(second.Id), Deadline)));

        // Without its volumes it does not free them.
        await link.SendAsync(new UndefineVM(second.Id, RemoveVolumes: false) { Operation = _operation }, Deadline);
        await FailsAsync(HypervisorError.StorageFailed, FaultDomain.Storage, () => link.SendAsync(new DefineVM(spec), Deadline).AsTask());

        static string DiskOf(string xml) =>
            (string)System.Xml.Linq.XDocument.Parse(xml).Descendants("disk").Single().Element("source")!.FirstAttribute!;
    }

    [Fact]
    public async Task A_pool_that_is_not_there_is_a_failure_of_the_storage_and_leaves_nothing()
    {
        var link = await OpenNodeAsync();
        VMSpec spec = Small("db") with
        {
            Disks = [new DiskSpec { NewVolumeBytes = 1 << 20 }, new DiskSpec { NewVolumeBytes = 1 << 20, StoragePool = "gone" }],
        };

        await FailsAsync(HypervisorError.StorageFailed, FaultDomain.Storage, () => link.SendAsync(
            new DefineVM(spec) { Operation = _operation }, Deadline).AsTask());

        Assert.Empty(await link.SendAsync(new ReadVMs(), Deadline));
        Assert.False(await link.SendAsync(new UndoDefineVM(_operation), Deadline));
    }

    [Fact]
    public async Task Names_and_paths_are_escaped()
    {
        const string Name = "a'b\"c<d>&e";
        const string Path = "/images/<x> & 'y'.img";
        var link = await OpenNodeAsync();

        var vm = await link.SendAsync(
            new DefineVM(Small(Name) with { Disks = [new DiskSpec { Path = Path }] }) { Operation = _operation }, Deadline);

        Assert.Equal(Name, vm.Name);
        Assert.Equal(Name, (await link.SendAsync(new FindVMByName(Name), Deadline))!.Name);
        var xml = XElement.Parse(await link.SendAsync(new ReadXml(vm.Id), Deadline));
        Assert.Equal(Path, (string?)xml.Element("devices")!.Element("disk")!.Element("source")!.Attribute("file"));
    }

    [Fact]
    public async Task What_the_specification_says_is_in_the_definition()
    {
        var link = await OpenNodeAsync();
        VMSpec spec = Small("web") with
        {
            Disks = [new DiskSpec { Path = "/images/a.qcow2" }, new DiskSpec { Path = "/images/boot.img", Floppy = true },
                new DiskSpec { Path = "/dev/vg/b", ReadOnly = true }],
            Networks = ["default"],
            Kernel = "/boot/vmlinuz",
            Initrd = "/boot/initrd",
            KernelArguments = "console=ttyS0",
        };

        var vm = await link.SendAsync(new DefineVM(spec) { Operation = _operation }, Deadline);

        var xml = XElement.Parse(await link.SendAsync(new ReadXml(vm.Id), Deadline));
        XElement[] disks =
            [.. xml.Element("devices")!.Elements("disk").OrderBy(static disk => (string?)disk.Element("target")!.Attribute("dev"))];
        Assert.Equal(["fda", "vda", "vdb"], disks.Select(static disk => (string?)disk.Element("target")!.Attribute("dev")));
        Assert.Equal(["floppy", "disk", "disk"], disks.Select(static disk => (string?)disk.Attribute("device")));
        Assert.Equal([true, false, true], disks.Select(static disk => disk.Element("readonly") is not null));
        Assert.Equal("/dev/vg/b", (string?)disks[2].Element("source")!.Attribute("dev"));
        Assert.Equal("default", (string?)xml.Element("devices")!.Element("interface")!.Element("source")!.Attribute("network"));
        Assert.Equal("/boot/vmlinuz", xml.Element("os")!.Element("kernel")!.Value);
        Assert.Equal("console=ttyS0", xml.Element("os")!.Element("cmdline")!.Value);
        Assert.Equal(_operation.ToString(), (string?)xml.Element("metadata")!.Element(Ours + "operation")!.Attribute("id"));
    }

    [Fact]
    public async Task One_XML_serves_for_many_VMs()
    {
        var link = await OpenNodeAsync();
        var original = await link.SendAsync(
            new DefineVM(Small("original") with { Disks = [new DiskSpec { NewVolumeBytes = 1 << 20 }] }), Deadline);
        var template = await link.SendAsync(new ReadXml(original.Id), Deadline);

        var one = await link.SendAsync(new DefineVM(new VMSpec { Name = "one", Xml = template }) { Operation = _operation }, Deadline);
        var two = await link.SendAsync(new DefineVM(new VMSpec { Name = "two", Xml = template }), Deadline);

        Assert.Equal(3, new[] { original.Id, one.Id, two.Id }.Distinct().Count());

        // The copy carries its own operation only, and not the original's volumes: undoing it leaves those alone.
        Assert.True(await link.SendAsync(new UndoDefineVM(_operation), Deadline));
        Assert.Equal(["original", "two"], (await link.SendAsync(new ReadVMs(), Deadline)).Select(static vm => vm.Name).Order());
        await link.SendAsync(new UndefineVM(original.Id, RemoveVolumes: true) { Operation = _operation }, Deadline);
    }

    [Fact]
    public async Task XML_under_its_own_name_and_id_does_not_replace_a_VM()
    {
        var link = await OpenNodeAsync(vmCount: 1);
        var vm = (await link.SendAsync(new FindVMByName("vm0"), Deadline))!;
        var xml = await link.SendAsync(new ReadXml(vm.Id), Deadline);

        await FailsAsync(HypervisorError.VMExists, FaultDomain.VM, () => link.SendAsync(
            new DefineVM(new VMSpec { Xml = xml }) { Operation = _operation }, Deadline).AsTask());
        await FailsAsync(
            HypervisorError.VMExists,
            FaultDomain.VM,
            () => link.SendAsync(
                new DefineVM(new VMSpec { Xml = xml.Replace("vm0", "renamed", StringComparison.Ordinal) }) { Operation = _operation },
                Deadline).AsTask());
    }

    [Theory]
    [InlineData("<domain type='test'><name>x</name")]
    [InlineData("not XML at all")]
    [InlineData("<network><name>x</name></network>")]
    [InlineData("<domain type='test'><memory>65536</memory></domain>")]
    [InlineData("<domain type='test'><name>x</name><memory>65536</memory><vcpu>many</vcpu><os><type>hvm</type></os></domain>")]
    [InlineData("<!DOCTYPE d [<!ENTITY f SYSTEM 'file:///etc/passwd'>]><domain "
        + "type='test'><name>x</name><description>&f;</description><memory>65536</memory><os><type>hvm</type></os></domain>")]
    [InlineData("<!DOCTYPE d [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;'>]><domain "
        + "type='test'><name>&b;</name><memory>65536</memory><os><type>hvm</type></os></domain>")]
    public async Task Bad_XML_is_a_bad_specification(string xml)
    {
        var link = await OpenNodeAsync();

        await FailsAsync(
            HypervisorError.InvalidSpecification, FaultDomain.VM,
            () => link.SendAsync(new DefineVM(new VMSpec { Xml = xml }) { Operation = _operation }, Deadline).AsTask());

        Assert.Empty(await link.SendAsync(new ReadVMs(), Deadline));
    }

    [Fact]
    public async Task Settings_that_make_no_sense_are_a_bad_specification()
    {
        var link = await OpenNodeAsync();
        VMSpec[] specs =
        [
            Small(""),
            Small("x") with { MemoryBytes = 0 },
            Small("x") with { CpuCount = -1 },
            Small("x") with { Disks = [new DiskSpec()] },
            Small("x") with { Disks = [new DiskSpec { NewVolumeBytes = 0 }] },
            Small("x") with { Disks = [new DiskSpec { Path = "/a", NewVolumeBytes = 1 }] },
        ];

        foreach (var spec in specs)
        {
            await FailsAsync(HypervisorError.InvalidSpecification, FaultDomain.VM, () => link.SendAsync(
                new DefineVM(spec) { Operation = _operation }, Deadline).AsTask());
        }
    }

    [Theory]
    [InlineData("a\u0001b")]
    [InlineData("a\u001b[31mb")]
    [InlineData("a\nb")]
    [InlineData("a\tb")]
    [InlineData("a\u009bb")]
    [InlineData("a\u2028b")]
    [InlineData("a/b")]
    public async Task A_name_with_control_characters_is_a_bad_specification(string name)
    {
        var link = await OpenNodeAsync();
        VMSpec[] specs =
        [
            Small(name),
            new() { Name = name, Xml = "<domain type='test'><name>x</name><memory>65536</memory><os><type>hvm</type></os></domain>" },
        ];
        foreach (var spec in specs)
        {
            var failure = await FailsAsync(
                HypervisorError.InvalidSpecification, FaultDomain.VM,
                () => link.SendAsync(new DefineVM(spec) { Operation = _operation }, Deadline).AsTask());
            Assert.DoesNotContain(failure.Message, char.IsControl);
        }
    }

    [Fact]
    public async Task Other_texts_that_XML_cannot_hold_are_a_bad_specification()
    {
        var link = await OpenNodeAsync();
        VMSpec[] specs =
        [
            Small("a\ud800b"),
            Small("x") with { Networks = ["a\u0001"] },
            Small("x") with { Disks = [new DiskSpec { Path = "/a\u0001" }] },
            Small("x") with { Kernel = "/k", KernelArguments = "\ud800" },
        ];
        foreach (var spec in specs)
        {
            await FailsAsync(HypervisorError.InvalidSpecification, FaultDomain.VM, () => link.SendAsync(
                new DefineVM(spec) { Operation = _operation }, Deadline).AsTask());
        }
    }

    [Fact]
    public async Task A_definition_that_was_cancelled_before_it_began_makes_nothing()
    {
        var link = await OpenNodeAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => link.SendAsync(new DefineVM(Small("web")) { Operation = _operation }, new CancellationToken(canceled: true)).AsTask());

        Assert.Empty(await link.SendAsync(new ReadVMs(), Deadline));
    }

    [Theory]
    [InlineData(0, "vda")]
    [InlineData(25, "vdz")]
    [InlineData(26, "vdaa")]
    [InlineData(701, "vdzz")]
    [InlineData(702, "vdaaa")]
    public void Disks_are_named_as_the_kernel_does(int index, string expected) =>
        Assert.Equal(expected, DiskDefinition.Name("vd", index));

    [Fact]
    public void Hardware_help_is_used_where_the_host_offers_it()
    {
        const string Guest = "<guest><os_type>hvm</os_type><arch name='{0}'><domain type='qemu'/>{1}</arch></guest>";
        const string Host = "<capabilities><host><cpu><arch>x86_64</arch></cpu></host>{0}</capabilities>";
        var other = string.Format(null, Guest, "aarch64", "");
        var plain = string.Format(null, Guest, "x86_64", "");
        var helped = string.Format(null, Guest, "x86_64", "<domain type='kvm'/>");

        Assert.Equal(new("qemu", "hvm", "x86_64"), HostCapabilities.Parse(string.Format(null, Host, other + plain)));
        Assert.Equal(new("kvm", "hvm", "x86_64"), HostCapabilities.Parse(string.Format(null, Host, other + helped)));
        Assert.Null(HostCapabilities.Parse(string.Format(null, Host, "")));
    }
}
