using System.Xml;
using System.Xml.Linq;
using Kumoi.Hypervisors;
using Xunit;

namespace Kumoi.Tests.Hypervisors;

/// <summary>A whole machine takes what its host offers; what was asked for and is not there is that host's failure.</summary>
public sealed class MachineDefinitionTests
{
    /// <summary>Of QEMU 7.2 with KVM, shortened.</summary>
    private const string Offer = """
        <domainCapabilities><path>/usr/bin/qemu-system-x86_64</path><domain>kvm</domain><machine>pc-q35-7.2</machine><arch>x86_64</arch>
        <os supported='yes'><enum name='firmware'><value>bios</value><value>efi</value></enum>
          <loader supported='yes'><enum name='secure'><value>yes</value><value>no</value></enum></loader></os>
        <cpu><mode name='host-passthrough' supported='yes'/><mode name='maximum' supported='no'/><mode name='host-model' supported='yes'/>
          <mode name='custom' supported='yes'><model usable='yes'>Nehalem</model><model usable='no'>EPYC</model></mode></cpu>
        <devices><disk supported='yes'><enum name='bus'><value>fdc</value><value>scsi</value><value>virtio</value><value>usb</value>
          <value>sata</value></enum></disk>
          <graphics supported='yes'><enum name='type'><value>vnc</value></enum></graphics>
          <video supported='yes'><enum name='modelType'><value>vga</value><value>virtio</value></enum></video>
          <rng supported='yes'><enum name='backendModel'><value>random</value></enum></rng>
          <tpm supported='yes'><enum name='backendModel'><value>emulator</value></enum><enum name='backendVersion'><value>2.0</value></enum>
          </tpm></devices></domainCapabilities>
        """;

    private static readonly VMSpec Spec = new() { Name = "web", MemoryBytes = 1 << 30, Machine = new MachineSpec() };

    [Fact]
    public void What_the_host_offers_is_read()
    {
        var offer = Read();
        Assert.Equal(("kvm", "x86_64", "pc-q35-7.2"), (offer.DomainType, offer.Architecture, offer.MachineType));
        Assert.True(offer is { HasUefi: true, HasSecureBoot: true, HasRng: true, HasTpm: true });
        Assert.Equal(["host-passthrough", "host-model", "custom"], offer.CpuModes);
        Assert.Equal(["Nehalem"], offer.CpuModels);
        Assert.Contains("virtio", offer.DiskBuses);
    }

    [Fact]
    public void Of_a_host_that_says_little_nothing_is_taken_for_granted()
    {
        var offer = DomainCapabilitiesXml.Parse("<domainCapabilities><domain>qemu</domain><arch>x86_64</arch></domainCapabilities>", "hvm");
        var domain = Build(Spec with { Disks = [new DiskSpec { Path = "/a" }] }, offer);
        Assert.Null(domain.Element("cpu"));
        Assert.Null(domain.Element("os")!.Attribute("firmware"));
        Assert.Equal("ide", (string?)Disk(domain, "hda").Element("target")!.Attribute("bus"));
        Assert.Empty(domain.Descendants("graphics"));
        Assert.Empty(domain.Descendants("rng"));
    }

    [Theory]
    [InlineData("<domain/>")]
    [InlineData("<domainCapabilities>")]
    [InlineData("<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><domainCapabilities><arch>&e;</arch></domainCapabilities>")]
    public void What_is_no_such_document_is_not_read(string xml) =>
        Assert.Throws<XmlException>(() => DomainCapabilitiesXml.Parse(xml, "hvm"));

    [Fact]
    public void Where_nothing_is_said_a_machine_is_as_people_expect_it()
    {
        var domain = Build(Spec with { Disks = [new DiskSpec { Path = "/a.qcow2" }], Networks = ["lan"] });
        Assert.Equal("efi", (string?)domain.Element("os")!.Attribute("firmware"));
        Assert.Equal("no", (string?)domain.Element("os")!.Element("firmware")!.Element("feature")!.Attribute("enabled"));
        Assert.Equal("pc-q35-7.2", (string?)domain.Element("os")!.Element("type")!.Attribute("machine"));
        Assert.Equal("host-model", (string?)domain.Element("cpu")!.Attribute("mode"));
        Assert.Equal("virtio", (string?)Disk(domain, "vda").Element("target")!.Attribute("bus"));
        Assert.Equal("virtio", (string?)domain.Descendants("interface").Single().Element("model")!.Attribute("type"));
        Assert.Equal("virtio-scsi", (string?)Controller(domain, "scsi").Single().Attribute("model"));
        Assert.Equal(15, Controller(domain, "pci").Count());
        Assert.Equal("org.qemu.guest_agent.0", (string?)domain.Descendants("channel").Single().Element("target")!.Attribute("name"));
        Assert.Equal("127.0.0.1", (string?)domain.Descendants("graphics").Single().Element("listen")!.Attribute("address"));
        Assert.Equal("5", (string?)domain.Descendants("memballoon").Single().Element("stats")!.Attribute("period"));
        Assert.Single(domain.Descendants("rng"));
        Assert.Single(domain.Descendants("console"));
        Assert.Empty(domain.Descendants("tpm"));
    }

    [Fact]
    public void The_disk_is_started_before_the_install_disc_and_a_seed_never()
    {
        var domain = Build(Spec with
        {
            Disks =
            [
                new DiskSpec { NewVolumeBytes = 1 }, new DiskSpec { Path = "/x.iso", IsCd = true },
                new DiskSpec { Content = [1], IsCd = true },
            ],
        });
        Assert.Equal(["1", "2", null], domain.Descendants("disk").Select(static disk => (string?)disk.Element("boot")?.Attribute("order")));
        Assert.Equal(["virtio", "sata", "scsi"], Targets(domain, "bus"));
        Assert.Equal(["vda", "sda", "sdb"], Targets(domain, "dev"));
        Assert.Equal("optional", (string?)Disk(domain, "sdb").Element("source")!.Attribute("startupPolicy"));
        Assert.NotNull(Disk(domain, "sda").Element("readonly"));
    }

    [Fact]
    public void A_system_without_virtio_gets_what_it_has_drivers_for()
    {
        var domain = Build(Spec with
        {
            Machine = new MachineSpec
            {
                GuestSystem = new GuestSystem { Id = "http://microsoft.com/win/2k19", ShortId = "win2k19", IsWindows = true },
            },
            Disks = [new DiskSpec { NewVolumeBytes = 1 }, new DiskSpec { Content = [1], IsCd = true }],
            Networks = ["lan"],
        });
        Assert.Equal(["sata", "sata"], Targets(domain, "bus"));
        Assert.Equal("e1000e", (string?)domain.Descendants("interface").Single().Element("model")!.Attribute("type"));
        Assert.Equal("localtime", (string?)domain.Element("clock")!.Attribute("offset"));
        Assert.NotNull(domain.Element("features")!.Element("hyperv"));
        Assert.Contains("http://microsoft.com/win/2k19", domain.Element("metadata")!.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_loaded_directly_and_floppies_need_no_UEFI()
    {
        Assert.Null(Build(Spec with { Kernel = "/vmlinuz" }).Element("os")!.Attribute("firmware"));
        Assert.Null(Build(Spec with { Disks = [new DiskSpec { Path = "/a", Floppy = true }] }).Element("os")!.Attribute("firmware"));
        Assert.Null(Build(Spec with { Machine = new MachineSpec { Firmware = FirmwareKind.Bios } }).Element("os")!.Attribute("firmware"));
    }

    [Fact]
    public void Secure_boot_comes_with_keys_and_protected_memory()
    {
        var domain = Build(Spec with { Machine = new MachineSpec { Firmware = FirmwareKind.SecureBoot, HasTpm = true } });
        Assert.Equal(
            ["secure-boot yes", "enrolled-keys yes"],
            domain.Element("os")!.Element("firmware")!.Elements()
                .Select(static one => $"{(string?)one.Attribute("name")} {(string?)one.Attribute("enabled")}"));
        Assert.NotNull(domain.Element("features")!.Element("smm"));
        Assert.Equal("2.0", (string?)domain.Descendants("tpm").Single().Element("backend")!.Attribute("version"));
    }

    public static TheoryData<string, MachineSpec> Lacking => new()
    {
        { "UEFI", new MachineSpec { Firmware = FirmwareKind.Uefi } },
        { "Secure Boot", new MachineSpec { Firmware = FirmwareKind.SecureBoot } },
        { "TPM", new MachineSpec { HasTpm = true } },
        { "maximum", new MachineSpec { CpuModel = "maximum" } },
        { "EPYC", new MachineSpec { CpuModel = "EPYC" } },
    };

    [Theory]
    [MemberData(nameof(Lacking))]
    public void What_was_asked_for_and_is_not_there_is_a_failure_of_the_host(string what, MachineSpec machine)
    {
        var offer = Read() with { HasUefi = false, HasSecureBoot = false, HasTpm = false };
        var refusal = Assert.Throws<HypervisorException>(() => Build(Spec with { Machine = machine }, offer));
        Assert.Equal((HypervisorError.NotSupported, FaultDomain.Host), (refusal.Error, refusal.FaultDomain));
        Assert.Contains(what, refusal.Message, StringComparison.Ordinal);
        Assert.NotEmpty(refusal.RecommendedAction!);
    }

    [Theory]
    [InlineData("1x4x2", 8)]
    [InlineData("2x1x1", 2)]
    public void A_topology_is_sockets_cores_and_threads(string text, int cpus)
    {
        var topology = CpuTopology.Parse(text);
        Assert.Equal((cpus, text), (topology.CpuCount, topology.ToString()));
        VMSpecCheck.Ensure(Spec with { CpuCount = cpus, Machine = new MachineSpec { Topology = topology } });
        Assert.Throws<HypervisorException>(
            () => VMSpecCheck.Ensure(Spec with { CpuCount = cpus + 1, Machine = new MachineSpec { Topology = topology } }));
    }

    [Theory]
    [InlineData("")]
    [InlineData("4")]
    [InlineData("0x1x1")]
    [InlineData("1x1x1x1")]
    [InlineData("-1x1x1")]
    [InlineData("1024x1024x1024")]
    [InlineData("1x 2x1")]
    public void Other_texts_are_none(string text) => Assert.Throws<HypervisorException>(() => CpuTopology.Parse(text));

    [Fact]
    public void A_copy_of_a_VM_begins_without_the_other_s_seed_and_with_the_other_discs()
    {
        var seed = "/pool/" + DomainCopy.SeedName("web", OperationId.New());
        var domain = Build(Spec with { Disks = [new DiskSpec { Path = "/x.iso", IsCd = true }] });
        var second = new XElement(Disk(domain, "sda"));
        second.Element("source")!.SetAttributeValue("file", seed);
        domain.Element("devices")!.Add(second);
        DomainCopy.Rename(domain, "web2");
        Assert.Equal(["/x.iso", null], domain.Descendants("disk").Select(DomainCopy.ImageOf));
        Assert.True(DomainCopy.IsSeed(seed));
        string[] others = ["/pool/web-seed-.iso", "/pool/web-seed-1234567g.iso", "/pool/my.iso", "/pool/web-seed-123456789.iso"];
        Assert.All(others, static name => Assert.False(DomainCopy.IsSeed(name)));
    }

    private static DomainCapabilities Read() => DomainCapabilitiesXml.Parse(Offer, "hvm");

    private static XElement Build(VMSpec spec, DomainCapabilities? offer = null) => MachineDefinition.Build(
        spec, offer ?? Read(), [.. spec.Disks.Select(static disk => new MachineDisk(disk, disk.Path ?? "/new", "raw"))], spec.Networks,
        "kvm1");

    private static IEnumerable<string?> Targets(XElement domain, string attribute) =>
        domain.Descendants("disk").Select(disk => (string?)disk.Element("target")!.Attribute(attribute));

    private static XElement Disk(XElement domain, string target) => DiskDefinition.Find(domain, target)!;

    private static IEnumerable<XElement> Controller(XElement domain, string type) =>
        domain.Descendants("controller").Where(one => (string?)one.Attribute("type") == type);
}
