using System.Xml.Linq;
using Kumoi.CloudInit;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Xunit;

namespace Kumoi.Tests.Lab;

/// <summary>Whole machines on real hosts of both generations, and the disc that a guest reads when it first starts.</summary>
public sealed class MachineTests(RealLab lab) : LabTest(lab)
{
    private const long MiB = 1L << 20;
    private const string Mac = "52:54:00:77:00:d2";
    private const string Key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBk2 admin@desk";

    private readonly CancellationToken _token = TestContext.Current.CancellationToken;

    public static TheoryData<string> Hosts => ["k1", "k2"];

    [Theory]
    [MemberData(nameof(Hosts))]
    public async Task A_machine_has_what_its_host_offers_and_runs(string host)
    {
        var before = Files(host);
        var offer = await Host(host).Link.SendAsync(new ReadDomainCapabilities(null), _token);
        Assert.Equal(("qemu", "x86_64"), (offer.DomainType, offer.Architecture));
        Assert.StartsWith("pc-q35-", offer.MachineType, StringComparison.Ordinal);
        Assert.Contains("host-model", offer.CpuModes);
        Assert.Equal("pc-i440fx", (await Host(host).Link.SendAsync(new ReadDomainCapabilities("pc"), _token)).MachineType[..9]);

        // Of an image that is in a pool, and of one that is built on it.
        var made = await HostStorage.CreateVolumeAsync(Host(host), "default", "base", "qcow2", 8 * MiB, _token);
        var vm = await CreateAsync(host, Spec("whole") with
        {
            Disks =
            [
                new DiskSpec { CopyOf = "base", CapacityBytes = 16 * MiB }, new DiskSpec { TemplatePath = "base" },
                new DiskSpec { Path = "base", IsCd = true },
            ],
            CpuCount = 2,
            Machine = new MachineSpec { Topology = new CpuTopology(1, 2, 1), HasDefaultNetwork = true },
            IsAutostart = true,
            Tags = ["web", "tier 1"],
            Description = "of the lab",
        });
        Assert.Equal((PowerState.Running, true), (vm.State, vm.IsAutostart));
        var domain = await DefinitionAsync(vm);
        Assert.Equal(["web", "tier 1"], TagMetadata.Read(domain));
        Assert.Equal("host-model", (string?)domain.Element("cpu")!.Attribute("mode"));
        Assert.Equal("2", (string?)domain.Element("cpu")!.Element("topology")!.Attribute("cores"));
        Assert.Contains(
            domain.Descendants("channel"), one => (string?)one.Element("target")!.Attribute("name") is "org.qemu.guest_agent.0");
        Assert.Equal("127.0.0.1", (string?)domain.Descendants("graphics").Single().Element("listen")!.Attribute("address"));
        Assert.Single(domain.Descendants("rng"));
        Assert.Empty(domain.Descendants("interface")); // there is no network 'default'
        var disks = await VMDisks.ReadAsync(vm, _token);
        Assert.Equal(
            [("vda", "qcow2", 16 * MiB), ("vdb", "qcow2", 8 * MiB)],
            disks.Where(static disk => disk.Device is DiskDevice.Disk)
                .Select(static disk => (disk.Target, disk.Format, disk.CapacityBytes)));

        // One more disk while it runs: a machine leaves room for it.
        await VMDisks.AddAsync(vm, new DiskAddition { NewVolumeBytes = MiB, Bus = DiskBus.Scsi }, _token);
        await VMDisks.AddAsync(vm, new DiskAddition { NewVolumeBytes = MiB }, _token);
        await VMActions.RemoveAsync(vm, turnOff: true, removeVolumes: true, _token);
        await HostStorage.RemoveVolumeAsync(made, _token);
        Assert.Equal(before, Files(host));
    }

    [Theory]
    [MemberData(nameof(Hosts))]
    public async Task What_a_host_lacks_or_cannot_make_is_said_plainly_and_leaves_nothing(string host)
    {
        var before = Files(host);
        foreach (var machine in new[]
        {
            new MachineSpec { HasTpm = true }, new MachineSpec { Firmware = FirmwareKind.Uefi },
            new MachineSpec { Firmware = FirmwareKind.SecureBoot }, new MachineSpec { CpuModel = "POWER9" },
            new MachineSpec { MachineType = "virt" },
        })
        {
            var refusal = await Assert.ThrowsAsync<HypervisorException>(() => CreateAsync(host, Spec("lacks") with { Machine = machine }));
            Assert.Equal((HypervisorError.NotSupported, FaultDomain.Host), (refusal.Error, refusal.FaultDomain));
        }

        foreach (var disk in new[]
        {
            new DiskSpec { CopyOf = "none" }, new DiskSpec { CopyOf = "/etc/hostname" }, new DiskSpec { Path = "none", IsCd = true },
            new DiskSpec { TemplatePath = "/etc/hostname", CapacityBytes = MiB },
            new DiskSpec { Content = [1], IsCd = true, StoragePool = "none" },
        })
        {
            var refusal = await Assert.ThrowsAsync<HypervisorException>(() => CreateAsync(host, Spec("lacks") with { Disks = [disk] }));
            Assert.Equal(HypervisorError.StorageFailed, refusal.Error);
        }

        Assert.Empty(await VMsAsync(host));
        Assert.Equal(before, Files(host));
    }

    [Theory]
    [MemberData(nameof(Hosts))]
    public async Task A_guest_takes_its_name_key_and_address_from_the_disc_which_goes_with_the_VM(string host)
    {
        var before = Files(host);
        var hash = CloudInitSeed.HashPassword("s3cret"u8);
        var seed = CloudInitSeed.Build(
            new CloudInitConfig
            {
                InstanceId = "i-1",
                HostName = "web1",
                UserName = "ops",
                SshKeys = [Key],
                PasswordHash = hash,
                Address = "10.99.0.7/24",
                MacAddress = Mac,
            },
            DateTimeOffset.UtcNow);
        var linux = XElement.Parse(await Lab.XmlAsync("web1", "linux")).Element("os")!;
        var spec = Spec("web1") with
        {
            MemoryBytes = 192 * MiB,
            Kernel = (string)linux.Element("kernel")!,
            Initrd = (string)linux.Element("initrd")!,
            KernelArguments = "console=ttyS0 quiet panic=-1 tsc=unstable seed=1",
            Disks = [new DiskSpec { Content = seed, IsCd = true }],
            Machine = new MachineSpec { HasDefaultNetwork = true, MacAddress = Mac },
        };
        var network = await HostNetworks.CreateAsync(
            Host(host), new NetworkSpec { Name = "default", Kind = NetworkKind.Bridge, Bridge = "guests" }, _token);
        try
        {
            await ReadsItAsync(host, before, seed, hash, spec);
        }
        finally
        {
            await RemoveAllVMsAsync();
            await HostNetworks.RemoveAsync(await HostNetworks.StopAsync(network, _token), _token);
        }
    }

    public static TheoryData<string> HostsWithUefi => ["k5", "k6"];

    [Theory]
    [MemberData(nameof(HostsWithUefi))]
    public async Task A_machine_with_UEFI_starts_by_it_and_its_variables_go_with_it(string host)
    {
        if (!(await Host(host).Link.SendAsync(new ReadDomainCapabilities(null), _token)).HasUefi)
        {
            Assert.Skip($"{host} has no UEFI, which comes from Debian's package ovmf: tests/Lab/lab.sh prepare, then down and up.");
        }

        var before = Files(host);
        foreach (var firmware in new[] { FirmwareKind.Auto, FirmwareKind.Uefi, FirmwareKind.SecureBoot })
        {
            var vm = await CreateAsync(
                host, Spec("uefi") with { MemoryBytes = 256 * MiB, Machine = new MachineSpec { Firmware = firmware } }, start: false);
            Assert.Equal("efi", (string?)(await DefinitionAsync(vm)).Element("os")!.Attribute("firmware"));
            await PrintToFileAsync(host, vm);
            Lab.ForgetPrinted();
            await VMActions.StartAsync(vm, paused: false, _token);
            var loader = DomainDefinition.Parse(await vm.Connection.Link.SendAsync(new ReadXml(vm.Id), _token)).Element("os")!;
            Assert.Equal("pflash", (string?)loader.Element("loader")!.Attribute("type"));

            // Without keys it starts what is not signed, also where it could refuse it.
            Assert.EndsWith(
                firmware is FirmwareKind.SecureBoot ? "OVMF_VARS_4M.ms.fd" : "OVMF_VARS_4M.fd",
                (string?)loader.Element("nvram")!.Attribute("template"), StringComparison.Ordinal);
            var variables = loader.Element("nvram")!.Value;
            Assert.StartsWith("/var/lib/libvirt/qemu/nvram/uefi_VARS", variables, StringComparison.Ordinal);
            await Lab.ExecuteAsync(host, "test", "-s", variables);
            if (firmware is FirmwareKind.Uefi)
            {
                // It says by what it looks for something to start.
                await Eventually.HoldsAsync(
                    () => Lab.Printed(host, "uefi")?.Contains("BdsDxe", StringComparison.Ordinal) is true, "the firmware runs");
            }

            await VMActions.RemoveAsync(vm, turnOff: true, removeVolumes: false, _token);
            await Lab.ExecuteAsync(host, "test", "!", "-e", variables);
        }

        Assert.Equal(before, Files(host));
    }

    [Theory]
    [MemberData(nameof(HostsWithUefi))]
    public async Task A_machine_with_a_TPM_has_one_of_its_own_which_goes_with_it(string host)
    {
        if (!(await Host(host).Link.SendAsync(new ReadDomainCapabilities(null), _token)).HasTpm)
        {
            Assert.Skip($"{host} emulates no TPM, which takes Debian's package swtpm: tests/Lab/lab.sh prepare, then down and up.");
        }

        var before = Files(host);
        var vm = await CreateAsync(
            host,
            Spec("sealed") with { MemoryBytes = 256 * MiB, Machine = new MachineSpec { Firmware = FirmwareKind.Uefi, HasTpm = true } },
            start: false);
        await VMActions.StartAsync(vm, paused: false, _token);
        var tpm = Assert.Single((await vm.Connection.Link.SendAsync(new QemuCommand(vm.Id, "query-tpm"), _token)).EnumerateArray());
        Assert.Equal("tpm-crb", tpm.GetProperty("model").GetString());
        Assert.Equal("emulator", tpm.GetProperty("options").GetProperty("type").GetString());
        var state = $"/var/lib/libvirt/swtpm/{vm.Id}/tpm2/tpm2-00.permall"; // what it keeps
        await Lab.ExecuteAsync(host, "test", "-s", state);

        await VMActions.RemoveAsync(vm, turnOff: true, removeVolumes: false, _token);
        await Lab.ExecuteAsync(host, "test", "!", "-e", state);
        Assert.Equal(before, Files(host));
    }

    private async Task ReadsItAsync(string host, string[] before, byte[] seed, string hash, VMSpec spec)
    {
        var vm = await CreateAsync(host, spec, start: false);
        var card = (await DefinitionAsync(vm)).Descendants("interface").Single();
        Assert.Equal("default", (string?)card.Element("source")!.Attribute("network"));
        var volume = Assert.Single(Files(host).Except(before));
        Assert.Matches("^web1-seed-[0-9a-f]{8}\\.iso$", volume);
        Assert.Equal(seed, await File.ReadAllBytesAsync(Path.Combine(Lab.Host(host).Images, volume), _token));
        Assert.Equal(
            "600", (await Lab.ExecuteAsync(host, "stat", "-c", "%a", $"{Lab.HostImages}/{volume}")).Trim());

        await PrintToFileAsync(host, vm);
        await VMActions.StartAsync(vm, paused: false, _token);
        await Eventually.HoldsAsync(
            () => Lab.Printed(host, "web1")?.Contains("SEED hash", StringComparison.Ordinal) is true, "the guest has read its disc");
        await Lab.CountsOnAsync(host, "web1");
        var said = Lab.Printed(host, "web1")!.ReplaceLineEndings("\n");
        Assert.Contains("SEED joliet meta-data network-config user-data", said, StringComparison.Ordinal);
        Assert.Contains("SEED label cidata files meta-data network-config user-data", said, StringComparison.Ordinal);
        Assert.Contains("SEED host web1 address 10.99.0.7/24", said, StringComparison.Ordinal);
        Assert.Contains($"SEED user ops key {Key}", said, StringComparison.Ordinal);
        Assert.Contains($"SEED hash {hash}", said, StringComparison.Ordinal);

        await VMActions.RemoveAsync(vm, turnOff: true, removeVolumes: false, _token);
        Assert.Equal(before, Files(host));
    }

    [Theory]
    [MemberData(nameof(Hosts))]
    public async Task A_disc_is_gone_too_when_the_creation_is_undone_or_does_not_come_to_its_end(string host)
    {
        var before = Files(host);
        var operation = OperationId.New();
        var spec = Spec("web1") with
        {
            Disks = [new DiskSpec { Content = new byte[4096], IsCd = true }, new DiskSpec { NewVolumeBytes = MiB }],
        };
        await VMActions.CreateAsync(Host(host), spec, start: true, keepFailed: false, operation, _token);
        Assert.Equal(2, Files(host).Except(before).Count());
        Assert.True(await VMActions.RemoveCreatedAsync(Host(host), operation));
        Assert.Equal(before, Files(host));

        // A disk that is somebody's: the seed was made before it.
        await Lab.ExecuteAsync(host, "virsh", "-q", "vol-create-as", "default", "web1-2", "1M");
        var refusal = await Assert.ThrowsAsync<HypervisorException>(() => CreateAsync(host, spec));
        Assert.Equal(HypervisorError.StorageFailed, refusal.Error);
        Assert.Equal("web1-2", Assert.Single(Files(host).Except(before)));
        await Lab.ExecuteAsync(host, "virsh", "-q", "vol-delete", "web1-2", "default");

        // A start that fails takes all of it back.
        await Assert.ThrowsAsync<HypervisorException>(() => CreateAsync(host, spec with { Kernel = "/nowhere/vmlinuz" }));
        Assert.Equal(before, Files(host));
        Assert.Empty(await VMsAsync(host));
    }

    private static VMSpec Spec(string name) => new() { Name = name, MemoryBytes = 64 * MiB, Machine = new MachineSpec() };

    private Task<KumoiVM> CreateAsync(string host, VMSpec spec, bool start = true) =>
        VMActions.CreateAsync(Host(host), spec, start, keepFailed: false, OperationId.New(), _token);

    private async Task<XElement> DefinitionAsync(KumoiVM vm) =>
        DomainDefinition.Parse(await vm.Connection.Link.SendAsync(new ReadDefinition(vm.Id), _token));

    /// <summary>The tests read what guests print from files; a machine's serial port is a terminal.</summary>
    private async Task PrintToFileAsync(string host, KumoiVM vm)
    {
        var domain = await DefinitionAsync(vm);
        domain.Descendants("console").Remove();
        var serial = domain.Descendants("serial").Single();
        serial.SetAttributeValue("type", "file");
        serial.AddFirst(new XElement(
            "source", new XAttribute("path", $"/var/log/libvirt/qemu/{vm.Name}.serial"), new XAttribute("append", "on")));
        await File.WriteAllTextAsync(Path.Combine(Lab.Host(host).Images, "printing.xml"), domain.ToString(), _token);
        await Lab.ExecuteAsync(host, "virsh", "-q", "define", $"{Lab.HostImages}/printing.xml");
        File.Delete(Path.Combine(Lab.Host(host).Images, "printing.xml"));
    }

    private string[] Files(string host) =>
        [.. Directory.EnumerateFiles(Lab.Host(host).Images).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];
}
