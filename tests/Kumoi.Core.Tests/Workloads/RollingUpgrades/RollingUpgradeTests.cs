using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Faults;
using Kumoi.Workloads;
using Kumoi.Workloads.Maintenance;
using Kumoi.Workloads.RollingUpgrades;
using Xunit;

namespace Kumoi.Tests.Workloads.RollingUpgrades;

public sealed class RollingUpgradeTests
{
    private static readonly string[] Hosts = ["kvm01", "kvm02", "kvm03"];

    [Fact]
    public async Task Each_host_is_emptied_upgraded_and_taken_back_one_after_the_other()
    {
        await using var site = await UpgradeSite.OpenAsync();
        await using var fleet = await site.StartAsync();
        var results = await site.UpgradeAsync(fleet, site.Options());
        Assert.Equal(Hosts, results.Select(result => result.VMHost));
        Assert.All(results, result => Assert.Equal(HostUpdateState.Updated, result.State));
        Assert.Equal(["upgraded kvm02"], results[1].Output);
        Assert.Equal(
            [PlanAction.SuspendHost, PlanAction.Move, PlanAction.Move, PlanAction.RunScript, PlanAction.VerifyHost, PlanAction.ResumeHost],
            results[0].Steps.Select(step => step.Action));
        Assert.Equal(Hosts, site.Upgraded);
        Assert.Empty(await site.InMaintenanceAsync());
        await site.AssertNoVMIsLostAsync("at the end");
    }

    [Fact]
    public async Task VMs_go_to_upgraded_hosts_first_and_to_that_whose_turn_comes_last_otherwise()
    {
        await using var site = await UpgradeSite.OpenAsync("hosts=5&vms=2&running=2&seed=7");
        await using var fleet = await site.StartAsync();
        var results = await site.UpgradeAsync(fleet, site.Options());
        Assert.Equal(["kvm05", "kvm05"], Targets(results[0]));
        Assert.All(Targets(results[1]), target => Assert.Equal("kvm01", target));
        Assert.All(Targets(results[4]), target => Assert.NotEqual("kvm05", target));
        // Those of the first host twice, all others once.
        Assert.Equal(12, results.Sum(result => result.MoveCount));
    }

    [Fact]
    public async Task VMs_go_to_hosts_outside_of_the_upgrade_rather_than_to_such_as_are_emptied_later()
    {
        await using var site = await UpgradeSite.OpenAsync("hosts=4&vms=1&running=1&seed=7");
        await using var fleet = await site.StartAsync();
        var rollingUpgrade = await RollingUpgrade.OpenAsync(
            fleet, [.. fleet.Hosts.Take(3)], site.Options(), new WorkloadOptions(), site.Time, default);
        Assert.Equal(["kvm04"], Targets((await rollingUpgrade.UpdateAsync(fleet.Hosts[0], default)).Update));
        await rollingUpgrade.EndAsync();
    }

    [Fact]
    public async Task VMs_come_back_if_asked()
    {
        await using var site = await UpgradeSite.OpenAsync();
        var before = await site.RunningAsync();
        await using var fleet = await site.StartAsync();
        var results = await site.UpgradeAsync(fleet, site.Options(returnVMs: true));
        Assert.Equal(before, await site.RunningAsync());
        Assert.All(results, result => Assert.Equal(4, result.MoveCount));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_plan_is_what_is_done_afterwards_and_does_nothing_itself(bool returnVMs)
    {
        await using var site = await UpgradeSite.OpenAsync("hosts=4&vms=3&running=2&seed=5");
        await using var fleet = await site.StartAsync();
        var before = await site.RunningAsync();
        var plan = await (await RollingUpgrade.OpenAsync(
            fleet, fleet.Hosts, site.Options(returnVMs: returnVMs), new WorkloadOptions(), site.Time, default))
            .PlanAsync(default);
        Assert.Equal(before, await site.RunningAsync());
        Assert.Empty(await site.InMaintenanceAsync());
        var results = await site.UpgradeAsync(fleet, site.Options(returnVMs: returnVMs));
        Assert.Equal(plan.Select(Text).ToArray(), results.SelectMany(result => result.Steps).Select(Text).ToArray());
    }

    [Fact]
    public async Task Cancelled_in_the_script_it_leaves_the_host_in_maintenance_and_goes_on_there()
    {
        await using var site = await UpgradeSite.OpenAsync();
        await using var fleet = await site.StartAsync();
        using var stop = new CancellationTokenSource();
        var options = site.Options();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => site.UpgradeAsync(
            fleet, options with { Script = (host, token) => host.Name is "kvm02" ? CancelAsync(token) : options.Script(host, token) },
            cancellationToken: stop.Token));
        Assert.Equal(["kvm02"], await site.InMaintenanceAsync());
        await site.AssertNoVMIsLostAsync("cancelled");
        var results = await site.UpgradeAsync(fleet, options);
        Assert.Equal(["kvm02", "kvm03"], results.Select(result => result.VMHost));
        Assert.Equal(Hosts, site.Upgraded);
        Assert.Empty(await site.InMaintenanceAsync());

        async Task<IReadOnlyList<object>> CancelAsync(CancellationToken token)
        {
            await stop.CancelAsync();
            token.ThrowIfCancellationRequested();
            return [];
        }
    }

    [Fact]
    public async Task The_first_failure_ends_it_and_leaves_that_host_in_maintenance_and_the_next_run_begins_with_it()
    {
        await using var site = await UpgradeSite.OpenAsync();
        await using var fleet = await site.StartAsync();
        var options = site.Options();
        var results = await site.UpgradeAsync(
            fleet, options with
            {
                Script = (host, token) => host.Name is "kvm02"
                ? throw new InvalidOperationException("no space left") : options.Script(host, token)
            });
        Assert.Equal(["kvm01: Updated", "kvm02: Failed"], results.Select(result => result.ToString()));
        Assert.Equal("no space left", results[1].Error);
        Assert.Equal((PlanAction.RunScript, PlanStepState.Failed), (results[1].Steps[^1].Action, results[1].Steps[^1].State));
        Assert.Equal(["kvm02"], await site.InMaintenanceAsync());

        var next = await RollingUpgrade.OpenAsync(fleet, [.. fleet.Hosts.Reverse()], options, new WorkloadOptions(), site.Time, default);
        Assert.Equal(["kvm02", "kvm03", "kvm01"], next.Hosts.Select(host => host.Name));
        Assert.True(next.IsDone(fleet.Hosts[0]));
        Assert.NotNull(next.OpenSince);
    }

    [Fact]
    public async Task A_VM_that_cannot_leave_keeps_the_script_from_running_and_the_others_leave()
    {
        await using var site = await UpgradeSite.OpenAsync();
        var faults = new FaultPlan(new Random(1), site.Time);
        faults.Add(new FaultRule
        {
            HostPattern = "kvm01",
            HostMatches = name => name is "kvm01",
            VMPattern = "kvm01-1",
            VMMatches = name => name is "kvm01-1",
            Operation = FaultOperation.Migrate,
            FaultDomain = FaultDomain.VM,
            Message = "a device blocks migration",
        });
        await using var fleet = await site.StartAsync(faults: faults);
        var failed = Assert.Single(await site.UpgradeAsync(fleet, site.Options()));
        Assert.Equal((HostUpdateState.Failed, "a device blocks migration"), (failed.State, failed.Error));
        Assert.Equal(["kvm01-1"], (await site.RunningAsync())["kvm01"]);
        Assert.Empty(site.Upgraded);
        Assert.Equal(["kvm01"], await site.InMaintenanceAsync());
    }

    [Fact]
    public async Task A_host_that_does_not_answer_at_first_is_waited_for_and_the_script_is_not_run_again()
    {
        await using var site = await UpgradeSite.OpenAsync();
        var faults = new FaultPlan(new Random(1), site.Time);
        await using var fleet = await site.StartAsync(faults: faults);
        var options = site.Options();
        var looks = 0;
        FaultRule? outage = null;
        var running = site.UpgradeAsync(fleet, options with
        {
            Patience = TimeSpan.FromSeconds(30),
            Script = async (host, token) =>
            {
                if (host.Name is "kvm01")
                {
                    outage = faults.Add(new FaultRule
                    {
                        HostPattern = "kvm01",
                        HostMatches = name => name is "kvm01",
                        Operation = FaultOperation.Read,
                        FaultDomain = FaultDomain.Host,
                        Message = "connection refused",
                    });
                }

                return await options.Script(host, token);
            },
            Verify = (_, _) => Task.FromResult(++looks > 1),
        });
        await site.Time.WaitingAsync(TimeSpan.FromSeconds(2));
        faults.Remove(outage!.Id);
        site.Time.Advance(TimeSpan.FromSeconds(2));
        // It answers, and is not yet what it should be.
        await site.Time.WaitingAsync(TimeSpan.FromSeconds(2));
        site.Time.Advance(TimeSpan.FromSeconds(2));

        Assert.All(await running, result => Assert.Equal(HostUpdateState.Updated, result.State));
        Assert.Equal(Hosts, site.Upgraded);
        Assert.Equal(4, looks);
    }

    [Fact]
    public async Task A_host_that_is_not_what_it_should_be_fails_and_its_script_is_run_again()
    {
        await using var site = await UpgradeSite.OpenAsync();
        await using var fleet = await site.StartAsync();
        var options = site.Options() with { Patience = TimeSpan.Zero };
        var failed = Assert.Single(await site.UpgradeAsync(fleet, options with { Verify = (_, _) => Task.FromResult(false) }));
        Assert.Equal("kvm01 was not verified within 0 s: its verification did not give true.", failed.Error);
        Assert.Equal(["kvm01"], await site.InMaintenanceAsync());
        Assert.Equal(3, (await site.UpgradeAsync(fleet, options)).Count);
        Assert.Equal(["kvm01", "kvm01", "kvm02", "kvm03"], site.Upgraded);
    }

    [Fact]
    public async Task A_host_that_an_admin_had_put_into_maintenance_is_upgraded_and_stays_there()
    {
        await using var site = await UpgradeSite.OpenAsync();
        await using var fleet = await site.StartAsync();
        await HostMaintenance.SuspendAsync(fleet.Hosts[1], rollingUpgrade: null, default);
        Assert.Equal(3, (await site.UpgradeAsync(fleet, site.Options(returnVMs: true))).Count);
        Assert.Equal(["kvm02"], await site.InMaintenanceAsync());
    }

    [Fact]
    public async Task The_same_upgrade_is_not_run_twice_at_a_time()
    {
        await using var site = await UpgradeSite.OpenAsync();
        await using var fleet = await site.StartAsync();
        var options = site.Options();
        HypervisorException? refused = null;
        await site.UpgradeAsync(fleet, options with
        {
            Script = async (host, token) =>
            {
                refused = await Assert.ThrowsAsync<HypervisorException>(() => site.UpgradeAsync(fleet, options));
                return await options.Script(host, token);
            },
        });
        Assert.Equal(HypervisorError.InvalidState, refused!.Error);
        Assert.Equal(Hosts, site.Upgraded);
    }

    [Fact]
    public async Task Of_two_runs_that_were_opened_at_once_one_upgrades()
    {
        await using var site = await UpgradeSite.OpenAsync();
        await using var fleet = await site.StartAsync();
        var one = await RollingUpgrade.OpenAsync(fleet, fleet.Hosts, site.Options(), new WorkloadOptions(), site.Time, default);
        var other = await RollingUpgrade.OpenAsync(fleet, fleet.Hosts, site.Options(), new WorkloadOptions(), site.Time, default);
        await one.UpdateAsync(fleet.Hosts[0], default);
        await Assert.ThrowsAsync<HypervisorException>(() => other.UpdateAsync(fleet.Hosts[0], default));
        await other.EndAsync();
        await Assert.ThrowsAsync<HypervisorException>(
            () => RollingUpgrade.OpenAsync(fleet, fleet.Hosts, site.Options(), new WorkloadOptions(), site.Time, default));
        await one.EndAsync();
        Assert.Equal(["kvm01"], site.Upgraded);
    }

    [Fact]
    public async Task When_it_is_complete_the_same_command_upgrades_all_hosts_again()
    {
        await using var site = await UpgradeSite.OpenAsync();
        await using var fleet = await site.StartAsync();
        await site.UpgradeAsync(fleet, site.Options());
        await site.UpgradeAsync(fleet, site.Options());
        Assert.Equal([.. Hosts, .. Hosts], site.Upgraded);
    }

    private static IEnumerable<string> Targets(KumoiHostUpdate update) =>
        update.Steps.Where(step => step.Action is PlanAction.Move).Select(step => step.Target!);

    private static string Text(KumoiPlanStep step) => $"{step.Action} {step.Name} {step.VMHost}>{step.Target}";
}
