using Kumoi.Fleets.Links;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Faults;
using Kumoi.Hypervisors.Simulated;
using Xunit;

namespace Kumoi.Tests.Hypervisors.Faults;

public sealed class FaultPlanTests : IAsyncDisposable
{
    private readonly ManualTime _time = new();
    private readonly List<IHypervisorLink> _links = [];
    private readonly FaultPlan _plan;
    private readonly SimulatedDriver _driver;

    public FaultPlanTests()
    {
        _plan = new FaultPlan(new Random(7), _time);
        _driver = new SimulatedDriver(_time);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var link in _links)
        {
            await link.DisposeAsync();
        }
    }

    [Fact]
    public async Task Without_rules_nothing_is_hit()
    {
        Assert.True(_plan.IsEmpty);
        var link = await OpenAsync("kvm01");
        Assert.Equal(2, (await link.SendAsync(new ReadVMs(), default)).Count);
    }

    [Fact]
    public async Task A_rule_hits_the_hosts_and_operations_that_it_names()
    {
        _plan.Add(Rule("kvm01") with { Operation = FaultOperation.Define, FaultDomain = FaultDomain.Storage, Message = "no space" });
        var one = await OpenAsync("kvm01");
        var failure = await Assert.ThrowsAsync<HypervisorException>(() => DefineAsync(one, "web"));
        Assert.Equal(("no space", FaultDomain.Storage, false), (failure.Message, failure.FaultDomain, failure.OutcomeUnknown));
        Assert.Contains("Clear-KumoiFault -Id 1", failure.RecommendedAction, StringComparison.Ordinal);
        Assert.Equal(2, (await one.SendAsync(new ReadVMs(), default)).Count);
        await DefineAsync(await OpenAsync("kvm02"), "web");
    }

    [Theory]
    [InlineData(FaultOperation.Read, "read")]
    [InlineData(FaultOperation.Define, "define undefine")]
    [InlineData(FaultOperation.Start, "start resume reboot reset")]
    [InlineData(FaultOperation.Stop, "shutdown destroy suspend undo")]
    [InlineData(FaultOperation.Migrate, "migrate")]
    [InlineData(FaultOperation.Any, "read define undefine start resume reboot reset shutdown destroy suspend undo migrate")]
    public async Task Each_operation_stands_for_its_calls(string operation, string expected)
    {
        var link = await OpenAsync("kvm01");
        var target = await OpenAsync("kvm02");
        var vm = (await link.SendAsync(new ReadVMs(), default))[0].Id;
        _plan.Add(Rule("kvm01") with { Operation = operation, Message = "hit" });
        var some = OperationId.New();
        var calls = new (string Name, Func<Task> Call)[]
        {
            ("read", () => link.SendAsync(new ReadHost(true), default).AsTask()),
            ("define", () => DefineAsync(link, "web")),
            ("undefine", () => link.SendAsync(new UndefineVM(vm, false) { Operation = some }, default).AsTask()),
            ("start", () => link.SendAsync(new StartVM(vm) { Operation = some }, default).AsTask()),
            ("resume", () => link.SendAsync(new ResumeVM(vm) { Operation = some }, default).AsTask()),
            ("reboot", () => link.SendAsync(new RebootVM(vm) { Operation = some }, default).AsTask()),
            ("reset", () => link.SendAsync(new ResetVM(vm) { Operation = some }, default).AsTask()),
            ("shutdown", () => link.SendAsync(new ShutdownVM(vm) { Operation = some }, default).AsTask()),
            ("destroy", () => link.SendAsync(new DestroyVM(vm) { Operation = some }, default).AsTask()),
            ("suspend", () => link.SendAsync(new SuspendVM(vm) { Operation = some }, default).AsTask()),
            ("undo", () => link.SendAsync(new UndoDefineVM(some), default).AsTask()),
            ("migrate", () => link.SendAsync(new MigrateVM(vm, target, new MigrationOptions()) { Operation = some }, default).AsTask()),
        };
        List<string> hit = [];
        foreach (var (name, call) in calls)
        {
            var failure = await Record.ExceptionAsync(call);
            if (failure?.Message == "hit")
            {
                hit.Add(name);
            }
        }

        Assert.Equal(expected, string.Join(' ', hit));
    }

    [Theory]
    [InlineData("kvm01")]
    [InlineData("kvm02")]
    public async Task A_migration_is_hit_by_a_fault_of_its_source_or_its_target(string host)
    {
        var source = await OpenAsync("kvm01");
        var target = await OpenAsync("kvm02");
        var vm = (await source.SendAsync(new ReadVMs(), default))[0].Id;
        var rule = _plan.Add(Rule(host) with { Operation = FaultOperation.Migrate, Message = "hit", FaultDomain = FaultDomain.Network });
        var failure = await Assert.ThrowsAsync<HypervisorException>(() => MigrateAsync());
        Assert.Equal(("hit", FaultDomain.Network), (failure.Message, failure.FaultDomain));
        Assert.Equal((rule, 1), Assert.Single(_plan.Rules));
        Assert.NotNull(await source.SendAsync(new FindVM(vm), default));
        Assert.Null(await target.SendAsync(new FindVM(vm), default));

        // Without it, or with one of a third host, the VM moves.
        _plan.Remove(rule.Id);
        _plan.Add(Rule("kvm03") with { Operation = FaultOperation.Migrate });
        await MigrateAsync();
        Assert.Null(await source.SendAsync(new FindVM(vm), default));
        Assert.NotNull(await target.SendAsync(new FindVM(vm), default));

        Task<VMReading> MigrateAsync() => source.SendAsync(new MigrateVM(vm, target, new MigrationOptions()), default).AsTask();
    }

    [Fact]
    public async Task A_counted_rule_is_spent_after_so_many_hits()
    {
        var rule = _plan.Add(Rule("kvm01") with { Count = 2 });
        var link = await OpenAsync("kvm01");
        await FailsAsync(() => link.SendAsync(new ReadVMs(), default).AsTask());
        await FailsAsync(() => link.SendAsync(new ReadVMs(), default).AsTask());
        await link.SendAsync(new ReadVMs(), default);
        Assert.Equal((rule, 2), Assert.Single(_plan.Rules));
    }

    [Fact]
    public async Task So_many_matching_calls_pass_before_a_rule_begins_to_hit()
    {
        var rule = _plan.Add(Rule("kvm01") with { Operation = FaultOperation.Read, After = 2, Count = 1 });
        var link = await OpenAsync("kvm01");
        await link.SendAsync(new ReadVMs(), default);
        await DefineAsync(link, "other"); // is no read
        await (await OpenAsync("kvm02")).SendAsync(new ReadVMs(), default); // is another host's
        await link.SendAsync(new ReadVMs(), default);
        Assert.Equal((rule, 0), Assert.Single(_plan.Rules));
        await FailsAsync(() => link.SendAsync(new ReadVMs(), default).AsTask());
        await link.SendAsync(new ReadVMs(), default);
        Assert.Equal((rule, 1), Assert.Single(_plan.Rules));
    }

    [Fact]
    public async Task A_call_that_one_rule_lets_pass_may_be_hit_by_the_next_and_what_one_hits_the_next_does_not_count()
    {
        _plan.Add(Rule("kvm01") with { After = 1, Count = 1, Message = "first" });
        _plan.Add(Rule("kvm01") with { After = 1, Message = "second" });
        var link = await OpenAsync("kvm01");
        await link.SendAsync(new ReadVMs(), default); // the one that each lets pass
        Assert.Equal(
            "first", (await Assert.ThrowsAsync<HypervisorException>(() => link.SendAsync(new ReadVMs(), default).AsTask())).Message);
        Assert.Equal(
            "second", (await Assert.ThrowsAsync<HypervisorException>(() => link.SendAsync(new ReadVMs(), default).AsTask())).Message);
    }

    [Fact]
    public async Task When_a_rule_is_spent_the_next_one_that_matches_hits()
    {
        _plan.Add(Rule("kvm01") with { Count = 1, Message = "first" });
        _plan.Add(Rule("kvm01") with { Message = "second" });
        var link = await OpenAsync("kvm01");
        Assert.Equal(
            "first", (await Assert.ThrowsAsync<HypervisorException>(() => link.SendAsync(new ReadVMs(), default).AsTask())).Message);
        Assert.Equal(
            "second", (await Assert.ThrowsAsync<HypervisorException>(() => link.SendAsync(new ReadVMs(), default).AsTask())).Message);
    }

    [Fact]
    public async Task A_probability_is_drawn_from_the_plans_random_for_each_call()
    {
        var link = await OpenAsync("kvm01");
        _plan.Add(Rule("kvm01") with { Probability = 0.3 });
        var expected = new Random(7);
        for (var i = 0; i < 200; i++)
        {
            var failure = await Record.ExceptionAsync(() => link.SendAsync(new ReadVMs(), default).AsTask());
            Assert.Equal(expected.NextDouble() < 0.3, failure is HypervisorException);
        }
    }

    [Fact]
    public async Task With_a_VM_pattern_only_calls_on_such_VMs_are_hit_by_name_or_by_id()
    {
        var link = await OpenAsync("kvm01");
        var vms = await link.SendAsync(new ReadVMs(), default);
        _plan.Add(Rule("kvm01") with { VMMatches = name => name.EndsWith("-2", StringComparison.Ordinal), VMPattern = "*-2" });
        await FailsAsync(() => link.SendAsync(new StartVM(vms[1].Id), default).AsTask());
        await FailsAsync(() => link.SendAsync(new FindVMByName("kvm01-2"), default).AsTask());
        await FailsAsync(() => DefineAsync(link, "web-2"));
        await link.SendAsync(new DestroyVM(vms[0].Id), default);
        await link.SendAsync(new ReadVMs(), default);
    }

    [Fact]
    public async Task With_an_unknown_outcome_the_call_takes_effect_and_is_reported_as_failed()
    {
        _plan.Add(Rule("kvm01") with { OutcomeUnknown = true, Operation = FaultOperation.Define });
        var link = await OpenAsync("kvm01");
        var failure = await Assert.ThrowsAsync<HypervisorException>(() => DefineAsync(link, "web"));
        Assert.True(failure.OutcomeUnknown);
        Assert.NotNull(await link.SendAsync(new FindVMByName("web"), default));
    }

    [Fact]
    public async Task With_an_unknown_outcome_a_call_that_really_fails_tells_why()
    {
        _plan.Add(Rule("kvm01") with { OutcomeUnknown = true, Operation = FaultOperation.Define });
        var link = await OpenAsync("kvm01");
        var failure = await Assert.ThrowsAsync<HypervisorException>(() => DefineAsync(link, "kvm01-1"));
        Assert.Equal((HypervisorError.VMExists, false), (failure.Error, failure.OutcomeUnknown));
    }

    [Fact]
    public async Task A_rule_that_only_delays_holds_the_call_and_lets_it_through()
    {
        _plan.Add(Rule("kvm01") with { Delay = TimeSpan.FromSeconds(3), OnlyDelays = true });
        var link = await OpenAsync("kvm01");
        var reading = link.SendAsync(new ReadVMs(), default);
        _time.Advance(TimeSpan.FromSeconds(2.9));
        Assert.False(reading.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(0.1));
        Assert.Equal(2, (await reading).Count);
    }

    [Fact]
    public async Task A_delayed_failure_can_be_cancelled_while_it_is_held()
    {
        _plan.Add(Rule("kvm01") with { Delay = TimeSpan.FromSeconds(3) });
        var link = await OpenAsync("kvm01");
        using var source = new CancellationTokenSource();
        var reading = link.SendAsync(new ReadVMs(), source.Token).AsTask();
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading);
    }

    [Fact]
    public async Task Removed_rules_hit_nothing()
    {
        var rule = _plan.Add(Rule("kvm01"));
        Assert.True(_plan.Remove(rule.Id));
        Assert.False(_plan.Remove(rule.Id));
        Assert.True(_plan.IsEmpty);
        await (await OpenAsync("kvm01")).SendAsync(new ReadVMs(), default);
        Assert.Equal(rule.Id + 1, _plan.Add(Rule("kvm01")).Id);
    }

    [Fact]
    public async Task A_fault_of_connecting_looks_like_a_host_that_cannot_be_reached()
    {
        await using var lab = LabFleet.Empty();
        lab.Break("kvm02", FaultOperation.Connect, FaultDomain.Host);
        var failure = await Assert.ThrowsAsync<HypervisorException>(async () =>
        {
            await foreach (var outcome in lab.Fleet.ConnectAsync([new("sim://lab/kvm02?hosts=2", null, [])], default))
            {
                throw outcome.Error!;
            }
        });
        Assert.Equal(HypervisorError.ConnectionFailed, failure.Error);
    }

    [Fact]
    public async Task A_failure_is_transient_if_its_rule_says_so()
    {
        var link = await OpenAsync("kvm01");
        _plan.Add(Rule("kvm01") with { Count = 1, IsTransient = true });
        _plan.Add(Rule("kvm01"));
        Assert.True((await Assert.ThrowsAsync<HypervisorException>(() => link.SendAsync(new ReadVMs(), default).AsTask())).IsTransient);
        Assert.False((await Assert.ThrowsAsync<HypervisorException>(() => link.SendAsync(new ReadVMs(), default).AsTask())).IsTransient);
    }

    private static FaultRule Rule(string host) =>
        new() { HostMatches = name => string.Equals(name, host, StringComparison.Ordinal), HostPattern = host };

    private static Task<VMReading> DefineAsync(IHypervisorLink link, string name) =>
        link.SendAsync(new DefineVM(new VMSpec { Name = name }), default).AsTask();

    private static Task FailsAsync(Func<Task> call) => Assert.ThrowsAsync<HypervisorException>(call);

    private async Task<IHypervisorLink> OpenAsync(string host)
    {
        var address = _driver.Resolve($"sim://lab/{host}?hosts=2&vms=2&running=1&seed=7")[0];
        var link = await TestLinks.OpenAsync(host, () => _driver.OpenAsync(address, default), _ => new FaultLayer(host, _plan));
        _links.Add(link);
        return link;
    }
}
