using Kumoi.FailureOblivious;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Faults;
using Xunit;
using Kind = Kumoi.Hypervisors.MigrationObstacleKind;

namespace Kumoi.Tests.Hypervisors;

/// <summary>One VM against several simulated hosts.</summary>
public sealed class MigrationChecksTests
{
    private const string Fleet = "sim://lab?hosts=4&vms=1&running=1&seed=7";

    private const string PassThrough =
        "<domain type='kvm'><name>gpu</name><memory unit='GiB'>1</memory><vcpu>1</vcpu><devices><hostdev mode='subsystem' type='pci'/>"
        + "<disk type='file'><source file='/srv/gpu'/><target dev='vda'/></disk></devices></domain>";

    [Fact]
    public async Task Sound_hosts_can_take_it_and_its_own_cannot()
    {
        await using var lab = await LabFleet.ConnectAsync(Fleet);
        var checks = await CheckAsync(lab, await FindAsync(lab, "kvm01-1"), "kvm02", "kvm01", "kvm03");
        Assert.Equal([("kvm02", true), ("kvm01", false), ("kvm03", true)], checks.Select(check => (check.Destination, check.CanMigrate)));
        Assert.Equal(Kind.SameHost, checks[1].Obstacles.Single().Kind);
    }

    [Fact]
    public async Task It_changes_nothing()
    {
        await using var lab = await LabFleet.ConnectAsync(Fleet);
        var vm = await FindAsync(lab, "kvm01-1");
        await CheckAsync(lab, vm, "kvm02");
        Assert.Single(await lab.VMsAsync("kvm02"));
        Assert.Equal(
            "kvm02", (await VMActions.MoveAsync(vm, lab.Host("kvm02"), new MigrationOptions(), null, CancellationToken.None)).VMHost);
    }

    [Fact]
    public async Task A_VM_that_is_off_or_is_being_migrated_goes_nowhere()
    {
        await using var lab = await LabFleet.ConnectAsync(Fleet);
        var vm = await FindAsync(lab, "kvm01-1");
        var mark = new SpeculationMark(OperationId.New(), IsStart: false, "kvm01", ["kvm02"], "test");
        await using (var outgoing = await vm.Connection.Link.SendAsync(
            new BeginMigration(vm.Id, new MigrationPlan(mark, new MigrationOptions())), default))
        {
            Assert.Equal([Kind.Busy], await FatalAsync(lab, vm, "kvm02"));
            await vm.Connection.Link.SendAsync(new ConfirmMigration(outgoing, Cancelled: true), default);
        }

        await vm.Connection.Link.SendAsync(new DestroyVM(vm.Id), default);
        Assert.Equal([Kind.NotRunning], await FatalAsync(lab, vm, "kvm02"));
    }

    [Fact]
    public async Task A_VM_that_a_dead_controller_has_left_paused_is_to_be_repaired_first()
    {
        await using var lab = await LabFleet.ConnectAsync(Fleet);
        var vm = await FindAsync(lab, "kvm01-1");
        var mark = new SpeculationMark(OperationId.New(), IsStart: false, "kvm01", ["kvm02"], "test");
        await using (var outgoing = await vm.Connection.Link.SendAsync(
            new BeginMigration(vm.Id, new MigrationPlan(mark, new MigrationOptions())), default))
        {
            await using var incoming = await lab.Host("kvm02").Link.SendAsync(new PrepareMigration(outgoing.Offer, 1), default);
            await vm.Connection.Link.SendAsync(new PerformMigration(outgoing, [incoming], new ReplicaBudget()), default);
        }

        var obstacle = (await CheckAsync(lab, vm, "kvm03"))[0].Obstacles.Single();
        Assert.Equal(Kind.Busy, obstacle.Kind);
        Assert.Contains("Repair-KumoiOperation", obstacle.RecommendedAction, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_mask_does_not_make_an_answer_up()
    {
        await using var lab = await LabFleet.ConnectAsync(Fleet);
        var vm = await FindAsync(lab, "kvm01-1");
        lab.Break("kvm02", FaultOperation.Read, FaultDomain.Host, message: "no route");
        using var scope = FailureObliviousScope.Enter(lab.Fleet);
        Assert.Equal([Kind.HostUnreachable], await FatalAsync(lab, vm, "kvm02"));
    }

    [Fact]
    public async Task A_target_that_is_full_or_has_a_VM_of_that_name_cannot_take_it()
    {
        await using var lab = await LabFleet.ConnectAsync(Fleet);
        var vm = await FindAsync(lab, "kvm01-1");
        await lab.Host("kvm02").Link.SendAsync(new DefineVM(new VMSpec { Name = "kvm01-1", MemoryBytes = 1 << 30 }), default);
        Assert.Equal([Kind.VMExists], await FatalAsync(lab, vm, "kvm02"));

        var free = (await lab.Host("kvm03").Link.SendAsync(new ReadHost(IncludeVMs: false), default)).FreeMemoryBytes;
        var large = await VMActions.CreateAsync(lab.Host("kvm03"), new VMSpec { Name = "large", MemoryBytes = free }, start: true,
            keepFailed: false, OperationId.New(), default);
        Assert.Equal(PowerState.Running, large.State);
        Assert.Equal([Kind.Memory], await FatalAsync(lab, vm, "kvm03"));
    }

    [Fact]
    public async Task A_device_of_the_host_is_an_obstacle_and_the_migration_fails_by_it()
    {
        await using var lab = await LabFleet.ConnectAsync(Fleet);
        var vm = await VMActions.CreateAsync(
            lab.Host("kvm01"), new VMSpec { Xml = PassThrough }, start: true, keepFailed: false, OperationId.New(), default);
        var check = (await CheckAsync(lab, vm, "kvm02"))[0];
        Assert.Equal([Kind.Device], check.Obstacles.Select(obstacle => obstacle.Kind));
        Assert.Equal([Kind.Storage], check.Warnings.Select(obstacle => obstacle.Kind));
        var failure = await Assert.ThrowsAsync<HypervisorException>(
            () => VMActions.MoveAsync(vm, lab.Host("kvm02"), new MigrationOptions(), null, CancellationToken.None));
        Assert.Equal((FaultDomain.VM, check.Obstacles[0].Message), (failure.FaultDomain, failure.Message));
    }

    [Fact]
    public async Task A_host_that_cannot_be_read_is_an_obstacle_of_that_pair_only()
    {
        await using var lab = await LabFleet.ConnectAsync(Fleet);
        var vm = await FindAsync(lab, "kvm01-1");
        lab.Break("kvm02", FaultOperation.Read, FaultDomain.Host, message: "no route");
        var checks = await CheckAsync(lab, vm, "kvm02", "kvm03");
        Assert.Equal([Kind.HostUnreachable], checks[0].Obstacles.Select(obstacle => obstacle.Kind));
        Assert.Equal("kvm02 could not be asked: no route", checks[0].Obstacles[0].Message);
        Assert.True(checks[1].CanMigrate);
    }

    [Fact]
    public async Task A_host_of_another_fleet_cannot_take_it()
    {
        await using var lab = await LabFleet.ConnectAsync(Fleet);
        await foreach (var outcome in lab.Fleet.ConnectAsync(
            [new ConnectRequest("sim://other?hosts=1&seed=3", "stranger", [])], CancellationToken.None))
        {
            _ = outcome.Result;
        }

        Assert.Equal([Kind.Hypervisor], await FatalAsync(lab, await FindAsync(lab, "kvm01-1"), "stranger"));
    }

    private static async Task<KumoiVM> FindAsync(LabFleet lab, string name) =>
        new(lab.Host("kvm01"), (await lab.Host("kvm01").Link.SendAsync(new FindVMByName(name), CancellationToken.None))!);

    private static Task<IReadOnlyList<KumoiMigrationCheck>> CheckAsync(LabFleet lab, KumoiVM vm, params string[] targets) =>
        MigrationChecks.CheckAsync(vm, [.. targets.Select(lab.Host)], new MigrationOptions(), CancellationToken.None);

    private static async Task<IEnumerable<Kind>> FatalAsync(LabFleet lab, KumoiVM vm, string target) =>
        (await CheckAsync(lab, vm, target))[0].Obstacles.Select(obstacle => obstacle.Kind);
}
