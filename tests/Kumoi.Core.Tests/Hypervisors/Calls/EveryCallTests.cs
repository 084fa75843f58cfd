using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Kumoi.FailureOblivious;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Faults;
using Kumoi.Hypervisors.Libvirt;
using Kumoi.Hypervisors.Simulated;
using Xunit;

namespace Kumoi.Tests.Hypervisors.Calls;

/// <summary>What holds for every call that there is, and for every one that will be added.</summary>
public sealed class EveryCallTests
{
    private const string Mac = "52:54:00:12:34:56";
    private const string Secret = "s3cret-hunter2";

    /// <summary>What the simulated driver cannot do, with the reason.</summary>
    private static readonly Dictionary<string, string> NotSimulated = new(StringComparer.Ordinal)
    {
        [nameof(ReadScreen)] = "a simulated guest has no screen",
        [nameof(ReadPairMarks)] = "a simulated host is known to one session only, so nobody needs to be kept out",
    };

    private static readonly string[] Groups =
    [
        FaultOperation.Read, FaultOperation.Define, FaultOperation.Start, FaultOperation.Stop, FaultOperation.Migrate, FaultOperation.Phase,
    ];

    private static readonly VMReading VM = new() { CapturedAt = ManualTime.Start, Id = Guid.NewGuid(), Name = "web" };
    private static readonly MigrationOptions Options = new() { TargetUri = $"qemu+tcp://user:{Secret}@kvm2/system?password={Secret}" };
    private static readonly SpeculationMark Mark = new(OperationId.New(), IsStart: false, "kvm01", ["kvm02"], "pwsh");

    private static readonly MigrationOffer Offer = new()
    {
        Plan = new MigrationPlan(Mark, Options),
        Id = VM.Id,
        Name = "web",
        IsPersistent = true,
        IsPaused = false,
        Definition = "<domain/>",
        Cookie = [1, 2],
    };

    private static readonly VMSpec Spec = new()
    {
        Name = "web",
        Kernel = "/boot/vmlinuz",
        KernelArguments = $"password={Secret}",
        Networks = ["default"],
        Disks = [new DiskSpec { Path = "/images/a.qcow2" }, new DiskSpec { NewVolumeBytes = 1 << 20 },
            new DiskSpec { TemplatePath = "/images/b.qcow2" }, new DiskSpec { CopyOf = "base", CapacityBytes = 1 << 20 },
            new DiskSpec { Content = System.Text.Encoding.ASCII.GetBytes(Secret), IsCd = true }],
        Machine = new MachineSpec { Firmware = FirmwareKind.Uefi, Topology = new CpuTopology(1, 1, 1), HasTpm = true },
        IsAutostart = true,
        Tags = ["web"],
    };

    /// <summary>One of each call at least.</summary>
    private static readonly object[] Samples =
    [
        new ReadHostId(), new ReadHost(true), new ReadVMs(), new FindVM(VM.Id), new FindVMByName("web"), new ReadXml(VM.Id),
        new ReadDefinition(VM.Id),
        new ReadDomainCapabilities("q35"),
        new ReadScreen(VM.Id), new ReadPools(), new FindHostBoundState(VM.Id), new ReadGuestAgent(VM.Id),
        new StartVM(VM.Id, Paused: true), new ShutdownVM(VM.Id),
        new DestroyVM(VM.Id), new RebootVM(VM.Id),
        new ResetVM(VM.Id), new SuspendVM(VM.Id), new ResumeVM(VM.Id), new DiscardSavedState(VM.Id), new SetAutostart(VM.Id, IsOn: true),
        new SaveVM(VM.Id), new ResizeVM(VM.Id, 2, 1 << 30) { MaxCpuCount = 4 }, new RenameVM(VM.Id, "web2"),
        new DescribeVM(VM.Id, "Shop", $"root's password is {Secret}"),
        new RedefineVM(
            VM.Id, $"<domain><graphics passwd='{Secret}'/></domain>",
            $"<domain><description>{Secret}</description><os><cmdline>p={Secret}</cmdline></os>"
                + $"<devices><graphics passwd='{Secret}'/></devices><q:commandline xmlns:q='urn:q'>{Secret}</q:commandline></domain>"),
        new ReadSnapshots(VM.Id), new CreateSnapshot(VM.Id, "base", "before the update", WithMemory: true),
        new RestoreSnapshot(VM.Id, new SnapshotKey("base", ManualTime.Start), Starts: true),
        new RemoveSnapshot(VM.Id, new SnapshotKey("base", ManualTime.Start)),
        new RenameSnapshot(VM.Id, new SnapshotKey("base", ManualTime.Start), "first"),
        new ReadDisks(VM.Id), new AddDisk(VM.Id, new DiskAddition { NewVolumeBytes = 1 << 30, Bus = DiskBus.Scsi }),
        new RemoveDisk(VM.Id, "vdb", "/images/a.qcow2", DeleteVolume: true), new ResizeDisk(VM.Id, "vdb", "/images/a.qcow2", 1 << 30),
        new SetDisk(VM.Id, "vda", "/images/a.qcow2", new DiskSettings { Cache = DiskCache.None, ReadBytesPerSecond = 1 << 20 }),
        new SetCdDrive(VM.Id, "sda", "/iso/x.iso"),
        new ReadStorage(), new ReadVolumes("default"), new CreateVolume("default", "data", "qcow2", 1 << 30),
        new ResizeVolume("default", "data", 1L << 31), new RemoveVolume("default", "data"),
        new UploadVolume("default", "data", "/home/a.img"), new DownloadVolume("default", "data", "/home/a.img", Replace: true),
        new CopyVolume("default", "data", "fast", "copy") { SourceFormat = "qcow2" },
        new SwitchDisk(VM.Id, "vda", "/images/a", "/fast/a", "qcow2") { ModifiedAt = "1.5" }, new AbandonDiskCopy(VM.Id, "vda", "/fast/a"),
        new CreatePool(new PoolSpec { Name = "shared", Kind = PoolKind.Nfs, Path = "/srv", SourceHost = "nas", Source = "/export" }),
        new StartPool(VM.Id, "shared"), new StopPool(VM.Id, "shared"), new RemovePool(VM.Id, "shared"),
        new SetPoolAutostart(VM.Id, "shared", IsOn: true), new RefreshPool(VM.Id),
        new ReadAdapters(VM.Id, AddressSources.Host | AddressSources.Guest), new AddAdapter(VM.Id, Mac, new AdapterSettings { Network = "default" }, "virtio"),
        new SetAdapter(VM.Id, Mac, new AdapterSettings { Bridge = "br0", IsConnected = false, Vlan = 0 }), new RemoveAdapter(VM.Id, Mac),
        new ReadNetworks(), new ReadNetworkFilters(), new ReadLeases(VM.Id, "lan"), new StartNetwork(VM.Id, "lan"), new StopNetwork(VM.Id, "lan"),
        new CreateNetwork(new NetworkSpec { Name = "lan", Address = "10.5.0.1/24", DhcpFirst = "10.5.0.2", DhcpLast = "10.5.0.9" }),
        new RemoveNetwork(VM.Id, "lan"), new SetNetworkAutostart(VM.Id, "lan", IsOn: true),
        new UndefineVM(VM.Id, RemoveVolumes: true), new RemoveTemplate(VM.Id, RemoveVolumes: true),
        new UndoDefineVM(OperationId.New()), new DefineVM(Spec),
        new DefineVM(new VMSpec { Xml = $"<domain><graphics passwd='{Secret}'/></domain>", CopyDisks = true }),
        new MigrateVM(VM.Id, null!, Options),
        new MigrateVM(VM.Id, null!, Options with
        {
            WithStorage = true,
            Disks = [new DiskCopy("vda", "/images/a", "/fast/a", "raw", 1 << 30) { Pool = "fast", VolumeName = "a" }],
        }),
        new ReadWhereabouts(VM.Id), new ReadMigrationNeeds(VM.Id, Options),
        new CheckMigrationTarget(
            new MigrationNeeds { VM = VM, Definition = "<domain/>", HypervisorType = "QEMU", HostId = "1", Obstacles = [] }),
        new BeginMigration(VM.Id, new MigrationPlan(Mark, Options)), new PrepareMigration(Offer, 1),
        new PerformMigration(null!, [], new ReplicaBudget { TimeLimit = TimeSpan.FromSeconds(3) }), new FinishMigration(null!),
        new AbandonMigration(null!),
        new ConfirmMigration(null!, Cancelled: true), new MarkVM(VM.Id, Mark), new ReadMarked(),
        new RemoveCopy(VM.Id, new CopyRemoval(OperationId.New(), 1, [VMWhereabouts.Off], CopyRemovalKind.Undo) { MayLackMark = true }),
        new MakeCheckpoint(VM.Id, "/pairs/1.checkpoint"), new RestoreCheckpoint(VM.Id, "/pairs/1.checkpoint"), new WatchStops(VM.Id, null),
        new ReadPairMarks(),
        new QemuCommand(VM.Id, "qom-list", new JsonObject { ["path"] = "/objects" }), new QemuCommand(VM.Id, "stop"),
        new WatchQemu(VM.Id, null),
        new StartStandby(VM.Id, Guid.NewGuid(), "<domain/>"), new RemoveStandby(VM.Id, Guid.NewGuid()),
    ];

    public static TheoryData<string> Names => [.. HostCalls.Names];

    [Fact]
    public void Calls_have_names_of_their_own_which_no_group_of_calls_has()
    {
        var names = HostCalls.Names.Concat(Groups).Append(FaultOperation.Connect).ToList();
        Assert.Equal(names.Count, names.Distinct(StringComparer.OrdinalIgnoreCase).Count());
    }

    [Fact]
    public void Both_drivers_have_every_call()
    {
        Assert.Equal(HostCalls.Types, LibvirtCalls.Table.Calls.OrderBy(type => type.Name, StringComparer.Ordinal));
        Assert.Equal(
            HostCalls.Types, SimulatedCalls.Table.Calls.Concat(HostCalls.Types.Where(type => NotSimulated.ContainsKey(type.Name)))
                .OrderBy(type => type.Name, StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void It_belongs_to_a_group_that_fault_rules_know(string name) =>
        Assert.All(SamplesOf(name), call => Assert.Contains((string)Get(call, "FaultOperation")!, Groups));

    [Theory]
    [MemberData(nameof(Names))]
    public void What_stands_in_for_its_result_where_it_is_masked_is_of_its_type(string name)
    {
        foreach (var call in SamplesOf(name))
        {
            var result = HostCalls.ResultOf(call.GetType())!;
            switch ((MaskPolicy)Get(call, "Masking")!)
            {
                case MaskPolicy.TypedDefault:
                    Assert.NotNull(typeof(TypedDefault).GetMethod("Of")!.MakeGenericMethod(result).Invoke(null, [MaskMode.Pessimistic]));
                    break;
                case MaskPolicy.LeftOut:
                    Assert.False(result.IsValueType);
                    break;
            }
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void It_can_be_sent_to_another_machine_but_for_what_is_of_this_process(string name)
    {
        var options = new JsonSerializerOptions
        {
            IgnoreReadOnlyProperties = true,
            NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals
        };
        foreach (var call in SamplesOf(name))
        {
            var text = JsonSerializer.Serialize(call, call.GetType(), options);
            Assert.Equal(
                text, JsonSerializer.Serialize(JsonSerializer.Deserialize(text, call.GetType(), options), call.GetType(), options));
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Its_journal_has_no_secret(string name)
    {
        foreach (var call in SamplesOf(name).Where(call => call.GetType().GetProperty("JournalKind") is not null))
        {
            Assert.NotEmpty((string)Get(call, "JournalKind")!);
            Assert.DoesNotContain(Secret, ((JsonObject?)Get(call, "Details"))?.ToJsonString() ?? "", StringComparison.Ordinal);
        }
    }

    [Fact]
    public void The_journal_s_kinds_that_are_looked_for_are_those_of_calls()
    {
        Assert.Equal(OperationKind.Define, new DefineVM(Spec).JournalKind);
        Assert.Equal(OperationKind.UndoDefine, new UndoDefineVM(OperationId.New()).JournalKind);
        Assert.Equal(OperationKind.Start, new StartVM(VM.Id).JournalKind);
        Assert.Equal(OperationKind.Migrate, new MigrateVM(VM.Id, null!, Options).JournalKind);
    }

    private static List<object> SamplesOf(string name)
    {
        var samples = Samples.Where(call => call.GetType().Name == name).ToList();
        Assert.True(samples.Count > 0, $"Add {name} to the samples.");
        return samples;
    }

    private static object? Get(object call, string property) => call.GetType().GetProperty(property)!.GetValue(call);
}
