using System.Xml.Linq;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Xunit;
using Kind = Kumoi.Hypervisors.MigrationObstacleKind;

namespace Kumoi.Tests.Lab;

/// <summary>What is told of a migration before it is begun, and what libvirt says when it is tried all the same.</summary>
public sealed class PreflightTests(RealLab lab) : LabTest(lab)
{
    private const string VM = "tested";

    private static readonly MigrationOptions Plain = new();

    protected override string? Obstacle => Lab.NetworkObstacle;

    /// <summary>The hosts' daemons reach each other by network only.</summary>
    protected override string UriOf(LabHost host) => host.TcpUri;

    [Fact]
    public async Task A_fine_pair_passes_and_the_migration_works()
    {
        var vm = await StartAsync("idle");

        var check = await CheckAsync(vm, "k2");

        Assert.True(check.CanMigrate, string.Join(' ', check.Obstacles));
        // The image is in the lab's shared directory, of which k2's libvirt knows nothing.
        Assert.Equal([Kind.Storage], check.Warnings.Select(warning => warning.Kind));
        Assert.Equal(PowerState.Running, await StateAsync("k1", VM));
        Assert.Empty(await VMsAsync("k2"));
        Assert.Equal(PowerState.Running, (await MoveAsync(vm, "k2")).State);
    }

    [Fact]
    public async Task A_disk_that_is_in_a_pool_of_the_target_needs_no_warning()
    {
        var check = await CheckAsync(await StartAsync("local"), "k2");
        Assert.True(check.CanMigrate, string.Join(' ', check.Obstacles));
        Assert.Empty(check.Warnings);
    }

    [Fact]
    public async Task Asking_leaves_the_VM_free_for_others()
    {
        var vm = await StartAsync("idle");
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => CheckAsync(vm, "k2")));
        Assert.Equal(PowerState.Running, (await MoveAsync(vm, "k2")).State);
    }

    [Fact]
    public async Task The_VMs_own_host_is_known_under_another_name_too()
    {
        var vm = await StartAsync("idle");
        var needs = await NeedsAsync(vm);

        Assert.Equal([Kind.SameHost], (await Host("k1").Link.SendAsync(new CheckMigrationTarget(needs), CancellationToken.None)).Select(obstacle => obstacle.Kind));
    }

    [Fact]
    public async Task A_VM_that_is_off_or_in_a_migration_is_told()
    {
        var off = await CreateAsync(Host("k1"), "off", "idle", start: false);
        Assert.Equal([Kind.NotRunning], await FatalAsync(off, "k2"));
        Assert.Equal(FaultDomain.VM, (await RefusedAsync(off, "k2")).FaultDomain);

        var vm = await StartAsync("idle");
        var plan = new MigrationPlan(new SpeculationMark(OperationId.New(), IsStart: false, "k1", ["k3"], "test"), Plain);
        await using (var outgoing = await vm.Connection.Link.SendAsync(new BeginMigration(vm.Id, plan), CancellationToken.None))
        {
            Assert.Equal([Kind.Busy], await FatalAsync(vm, "k2"));
            await vm.Connection.Link.SendAsync(new ConfirmMigration(outgoing, Cancelled: true), CancellationToken.None);
        }

        Assert.Empty(await FatalAsync(vm, "k2"));
    }

    [Fact]
    public async Task A_network_that_the_target_lacks_or_has_not_started_is_told_and_libvirt_refuses_it()
    {
        const string define = "echo \"<network><name>lan</name><forward mode='bridge'/><bridge name='lan0'/></network>\" > /run/libvirt/lan.xml "
            + "&& virsh -q net-define /run/libvirt/lan.xml";
        await ExecAsync("k1", "ip link add lan0 type bridge && ip link set lan0 up");
        await ExecAsync("k1", define + " && virsh -q net-start lan");
        try
        {
            var vm = await StartAsync("idle", domain => Devices(domain).Add(XElement.Parse("<interface type='network'><source network='lan'/><model type='virtio'/></interface>")));
            Assert.Equal([Kind.Network], await FatalAsync(vm, "k2"));
            await RefusedAsync(vm, "k2");

            await ExecAsync("k2", define);
            Assert.Equal([Kind.Network], await FatalAsync(vm, "k2"));
            await RefusedAsync(vm, "k2");

            await ExecAsync("k2", "ip link add lan0 type bridge && ip link set lan0 up && virsh -q net-start lan");
            Assert.Empty(await FatalAsync(vm, "k2"));
            Assert.Equal(PowerState.Running, (await MoveAsync(vm, "k2")).State);
        }
        finally
        {
            foreach (var host in (string[])["k1", "k2"])
            {
                await ExecAsync(host, "virsh -q net-destroy lan; virsh -q net-undefine lan; ip link del lan0; true");
            }
        }
    }

    [Fact]
    public async Task A_bridge_that_the_target_lacks_is_told_and_libvirt_refuses_it()
    {
        await ExecAsync("k1", "ip link add lan1 type bridge && ip link set lan1 up");
        try
        {
            var vm = await StartAsync("idle", domain => Devices(domain).Add(XElement.Parse("<interface type='bridge'><source bridge='lan1'/><model type='virtio'/></interface>")));
            Assert.Equal([Kind.Network], await FatalAsync(vm, "k2"));
            await RefusedAsync(vm, "k2");
        }
        finally
        {
            await ExecAsync("k1", "ip link del lan1");
        }
    }

    [Fact]
    public async Task Memory_that_the_target_has_not_is_told()
    {
        var vm = await StartAsync("idle");
        var needs = await NeedsAsync(vm);
        var huge = needs with { VM = needs.VM with { MemoryBytes = 1L << 50 } };
        var found = await Host("k2").Link.SendAsync(new CheckMigrationTarget(huge), CancellationToken.None);
        Assert.Equal([Kind.Memory], found.Where(obstacle => obstacle.IsFatal).Select(obstacle => obstacle.Kind));
    }

    [Fact]
    public async Task A_machine_type_emulator_or_acceleration_that_the_target_lacks_is_told()
    {
        var vm = await StartAsync("idle");
        var needs = await NeedsAsync(vm);
        var machine = (string)XElement.Parse(needs.Definition).Element("os")!.Element("type")!.Attribute("machine")!;
        foreach (var (old, other) in ((string, string)[])[(machine, "pc-i440fx-99.0"), ("/usr/bin/qemu-system-x86_64", "/usr/bin/qemu-none"), ("type='qemu'", "type='kvm'")])
        {
            Assert.Contains(old, needs.Definition, StringComparison.Ordinal);
            var changed = needs with { Definition = needs.Definition.Replace(old, other, StringComparison.Ordinal) };
            var found = await Host("k2").Link.SendAsync(new CheckMigrationTarget(changed), CancellationToken.None);
            Assert.Equal([Kind.Machine], found.Where(obstacle => obstacle.IsFatal).Select(obstacle => obstacle.Kind));
        }
    }

    [Fact]
    public async Task From_an_older_host_a_VM_goes_to_a_newer_one_and_may_come_back()
    {
        var older = Lab.Choose(2, host => !host.IsNewer);
        var newer = Lab.Choose(1, host => host.IsNewer)[0];
        var vm = await StartAsync("idle", domain => domain.Element("os")!.Element("type")!.SetAttributeValue("machine", "pc"), older[0]);

        Assert.True((await CheckAsync(vm, newer)).CanMigrate);
        var moved = await MoveAsync(vm, newer);
        Assert.True((await CheckAsync(moved, older[1])).CanMigrate); // its machine is still that of the older one
        Assert.Equal((older[1], PowerState.Running), ((await MoveAsync(moved, older[1])) is { } back ? (back.VMHost, back.State) : default));
    }

    [Fact]
    public async Task A_VM_that_was_started_on_a_newer_host_is_refused_by_an_older_one_for_its_machine_before_anything_is_done()
    {
        var newer = Lab.Choose(2, host => host.IsNewer);
        var older = Lab.Choose(1, host => !host.IsNewer)[0];
        var vm = await StartAsync("idle", domain => domain.Element("os")!.Element("type")!.SetAttributeValue("machine", "pc"), newer[0]); // its newest

        var obstacle = Assert.Single((await CheckAsync(vm, older)).Obstacles);
        Assert.Equal(Kind.Machine, obstacle.Kind);
        Assert.Contains("pc-i440fx-", obstacle.Message, StringComparison.Ordinal);
        await RefusedAsync(vm, older);
        Assert.Equal(PowerState.Running, await StateAsync(newer[0], VM));
        Assert.Empty(await VMsAsync(older));
        Assert.True((await CheckAsync(vm, newer[1])).CanMigrate);
        Assert.Equal(newer[1], (await MoveAsync(vm, newer[1])).VMHost);
    }

    [Fact]
    public async Task A_CPU_feature_that_the_target_lacks_is_told_and_named()
    {
        var vm = await StartAsync("idle");
        var needs = await NeedsAsync(vm);
        var changed = needs with
        {
            Definition = needs.Definition.Replace("</cpu>", "<feature policy='require' name='amx-tile'/></cpu>", StringComparison.Ordinal),
        };
        var found = (await Host("k2").Link.SendAsync(new CheckMigrationTarget(changed), CancellationToken.None)).Single(obstacle => obstacle.IsFatal);
        Assert.Equal(Kind.CpuModel, found.Kind);
        Assert.Contains("amx-tile", found.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_VM_of_that_name_is_told_and_an_old_definition_of_the_VM_itself_is_not()
    {
        var vm = await StartAsync("idle");
        var other = await CreateAsync(Host("k2"), VM, "idle", start: false);
        Assert.Equal([Kind.VMExists], await FatalAsync(vm, "k2"));
        await RefusedAsync(vm, "k2");
        await VMActions.RemoveAsync(other, turnOff: true, removeVolumes: false, CancellationToken.None);

        var definition = await vm.Connection.Link.SendAsync(new ReadDefinition(vm.Id), CancellationToken.None);
        await Host("k2").Link.SendAsync(new DefineVM(new VMSpec { Xml = definition }), CancellationToken.None);
        Assert.Empty(await FatalAsync(vm, "k2"));
        Assert.Equal(PowerState.Running, (await MoveAsync(vm, "k2")).State);
    }

    [Fact]
    public async Task A_device_that_blocks_the_migration_is_told_and_libvirt_refuses_it()
    {
        var vm = await StartAsync("idle", domain => Devices(domain).Add(
            XElement.Parse("<shmem name='shared'><model type='ivshmem-plain'/><size unit='M'>4</size></shmem>")));

        Assert.Equal([Kind.Device], await FatalAsync(vm, "k2"));
        await RefusedAsync(vm, "k2");
        Assert.Equal(PowerState.Running, await StateAsync("k1", VM));
    }

    [Fact]
    public async Task A_disk_in_a_format_that_blocks_the_migration_is_told_and_libvirt_refuses_it()
    {
        await ExecAsync("k1", "qemu-img create -q -f vmdk /run/libvirt/old.vmdk 1M");
        var vm = await StartAsync("idle", domain => Devices(domain).Add(XElement.Parse(
            "<disk type='file'><driver name='qemu' type='vmdk'/><source file='/run/libvirt/old.vmdk'/><target dev='vdb' bus='virtio'/><readonly/></disk>")));

        Assert.Equal([Kind.Device], await FatalAsync(vm, "k2"));
        await RefusedAsync(vm, "k2");
    }

    [Fact]
    public async Task A_shared_file_system_that_is_not_mounted_is_a_warning_and_the_migration_works()
    {
        var vm = await StartAsync("local", domain => Devices(domain).Add(
            XElement.Parse("<filesystem type='mount'><source dir='/run/libvirt'/><target dir='share'/></filesystem>")));

        var check = await CheckAsync(vm, "k2");
        Assert.True(check.CanMigrate, string.Join(' ', check.Obstacles));
        Assert.Equal([Kind.Device], check.Warnings.Select(warning => warning.Kind));
        Assert.Equal(PowerState.Running, (await MoveAsync(vm, "k2")).State);
    }

    [Fact]
    public async Task A_CPU_that_is_said_not_to_be_migratable_is_a_warning_and_in_emulation_the_migration_works()
    {
        var vm = await StartAsync("local", domain => domain.Add(XElement.Parse("<cpu mode='maximum' migratable='off'/>")));

        var check = await CheckAsync(vm, "k2");
        Assert.True(check.CanMigrate, string.Join(' ', check.Obstacles));
        Assert.Equal([Kind.Device], check.Warnings.Select(warning => warning.Kind));
        Assert.Equal(PowerState.Running, (await MoveAsync(vm, "k2")).State);
    }

    [Fact]
    public async Task A_writable_local_disk_is_an_obstacle_unless_the_admin_vouches_for_it()
    {
        var vm = await StartAsync("qcow2", domain => Devices(domain).Element("disk")!.Element("readonly")!.Remove());
        Assert.Equal([Kind.DiskNotShared], await FatalAsync(vm, "k2"));
        Assert.Equal([], await FatalAsync(vm, "k2", Plain with { AllowUnsafe = true }));
        await RefusedAsync(vm, "k2");
    }

    [Fact]
    public async Task Snapshots_are_told_and_libvirt_refuses_them()
    {
        var vm = await StartAsync("qcow2", domain => Devices(domain).Element("disk")!.Element("readonly")!.Remove());
        await ExecAsync("k1", $"virsh -q snapshot-create-as {VM} one --disk-only --diskspec vda,file=/run/libvirt/one.qcow2");
        try
        {
            Assert.Contains(Kind.Snapshots, await FatalAsync(vm, "k2", Plain with { AllowUnsafe = true }));
            await RefusedAsync(vm, "k2", Plain with { AllowUnsafe = true });
        }
        finally
        {
            await ExecAsync("k1", $"virsh -q snapshot-delete {VM} one --metadata && rm /run/libvirt/one.qcow2");
        }
    }

    [Fact]
    public async Task A_host_that_cannot_be_reached_is_an_obstacle_of_that_pair_only()
    {
        var vm = await StartAsync("idle");
        await Lab.HurtAsync("power-off", "k2");
        var checks = await MigrationChecks.CheckAsync(vm, [Host("k2"), Host("k3")], Plain, CancellationToken.None);
        Assert.Equal([Kind.HostUnreachable], checks[0].Obstacles.Select(obstacle => obstacle.Kind));
        Assert.True(checks[1].CanMigrate);
    }

    private static XElement Devices(XElement domain) => domain.Element("devices")!;

    private async Task<KumoiVM> StartAsync(string variant, Action<XElement>? change = null, string host = "k1")
    {
        var domain = XElement.Parse(await Lab.XmlAsync(VM, variant));
        change?.Invoke(domain);
        return await VMActions.CreateAsync(
            Host(host), new VMSpec { Xml = domain.ToString() }, start: true, keepFailed: false, OperationId.New(), CancellationToken.None);
    }

    private static Task<MigrationNeeds> NeedsAsync(KumoiVM vm) => vm.Connection.Link.SendAsync(new ReadMigrationNeeds(vm.Id, Plain), CancellationToken.None).AsTask();

    private async Task<KumoiMigrationCheck> CheckAsync(KumoiVM vm, string target, MigrationOptions? options = null) =>
        (await MigrationChecks.CheckAsync(vm, [Host(target)], options ?? Plain, CancellationToken.None))[0];

    private async Task<IEnumerable<Kind>> FatalAsync(KumoiVM vm, string target, MigrationOptions? options = null) =>
        (await CheckAsync(vm, target, options)).Obstacles.Select(obstacle => obstacle.Kind);

    private async Task<KumoiVM> MoveAsync(KumoiVM vm, string target, MigrationOptions? options = null) =>
        await VMActions.MoveAsync(vm, Host(target), options ?? Plain, null, CancellationToken.None);

    private Task<HypervisorException> RefusedAsync(KumoiVM vm, string target, MigrationOptions? options = null) =>
        Assert.ThrowsAsync<HypervisorException>(() => MoveAsync(vm, target, options));

    private Task ExecAsync(string host, string command) => Lab.ExecuteAsync(host, "sh", "-c", command);
}
