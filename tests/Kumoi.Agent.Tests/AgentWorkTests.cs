using Kumoi.Agents;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Journal;
using Kumoi.Tests;
using Xunit;

namespace Kumoi.Agent.Tests;

public sealed class AgentWorkTests : AgentTest
{
    [Fact]
    public async Task A_group_is_scaled_by_the_agent_and_by_the_next_one_after_it()
    {
        var server = await StartAsync();
        var scaling = Scaling(Client());
        var given = await scaling.StartAsync(await OrderAsync(minimum: 2), default);
        Assert.True(given.IsPersistent);
        await CycleAsync(scaling, 1);
        Assert.Equal(["web-1"], await GroupAsync());

        await Client().StopAsync(Environment.ProcessId, force: true, default);
        await server.Ended;
        var waiting = Assert.Single(await scaling.ListAsync(default));
        Assert.Equal(("web", ScalingState.Waiting, true), (waiting.Group, waiting.State, waiting.IsPersistent));
        Assert.Contains("Start-KumoiAgent", waiting.Error, StringComparison.Ordinal);

        await StartAsync();
        await CycleAsync(scaling, 1);
        Assert.Equal(["web-1", "web-2"], await GroupAsync());
        var status = await CycleAsync(scaling, 2);
        Assert.Equal((ScalingState.Running, 2), (status.State, status.LastCycle!.VMCount));
    }

    [Fact]
    public async Task An_agent_with_work_does_not_end_when_it_is_idle_nor_when_it_is_told_to_without_force()
    {
        await StartAsync(idleLimit: TimeSpan.FromSeconds(10));
        var client = Client();
        var scaling = Scaling(client);
        await scaling.StartAsync(await OrderAsync(), default);
        await CycleAsync(scaling, 1);
        Time.Advance(TimeSpan.FromSeconds(25));
        var status = await client.FindAsync(default);
        Assert.Equal(["web"], status!.ScalingGroups);
        Assert.Null(status.IdleSec);
        var refused = await Assert.ThrowsAsync<AgentException>(() => client.StopAsync(status.ProcessId, force: false, default));
        Assert.Equal(AgentError.HasWork, refused.Error);
        Assert.Contains("it scales web", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_ends_when_idle_once_its_work_was_taken_away()
    {
        var server = await StartAsync(idleLimit: TimeSpan.FromSeconds(10));
        var scaling = Scaling(Client());
        await scaling.StartAsync(await OrderAsync(), default);
        await CycleAsync(scaling, 1);
        Assert.Equal(ScalingState.Stopped, (await scaling.StopAsync("web", default))!.State);
        Assert.Empty(await scaling.ListAsync(default));
        Assert.Null(await scaling.StopAsync("web", default));
        Time.Advance(TimeSpan.FromSeconds(30));
        await server.Ended;
        Assert.Equal(["web-1"], await GroupAsync());
    }

    [Fact]
    public async Task A_group_is_given_once_and_a_second_order_changes_nothing()
    {
        await StartAsync();
        var scaling = Scaling(Client());
        await scaling.StartAsync(await OrderAsync(minimum: 1), default);
        var refused = await Assert.ThrowsAsync<AgentException>(async () => await scaling.StartAsync(await OrderAsync(minimum: 3), default));
        Assert.Equal(AgentError.Exists, refused.Error);
        Assert.Equal(1, Assert.Single(await scaling.ListAsync(default)).Minimum);
    }

    [Fact]
    public async Task Of_many_who_give_the_same_group_at_once_one_does()
    {
        await StartAsync();
        var scaling = Scaling(Client());
        var order = await OrderAsync();
        var given = await Task.WhenAll(Enumerable.Range(0, 10).Select(async _ =>
        {
            try
            {
                await scaling.StartAsync(order, default);
                return 1;
            }
            catch (AgentException e) when (e.Error is AgentError.Exists)
            {
                return 0;
            }
        }));
        Assert.Equal(1, given.Sum());
    }

    [Fact]
    public async Task Without_an_agent_a_group_is_taken_away_by_the_journal_and_the_next_agent_does_not_begin_it()
    {
        var server = await StartAsync();
        var scaling = Scaling(Client());
        await scaling.StartAsync(await OrderAsync(minimum: 2), default);
        await CycleAsync(scaling, 1);
        server.End("the test ends it");
        await server.Ended;
        // The agent was this process, which lives: to be sure of that is to leave the group to it. As if it had been killed:
        await BegunByAnotherAsync();
        Assert.Equal(ScalingState.Stopped, (await scaling.StopAsync("web", default))!.State);
        await StartAsync();
        Assert.Empty(await scaling.ListAsync(default));
        Assert.Equal(["web-1"], await GroupAsync());
    }

    [Fact]
    public async Task A_group_waits_for_a_host_that_is_away_and_says_so_and_begins_when_it_has_come()
    {
        var driver = new AwayDriver(Time);
        await StartAsync(driver: driver);
        var scaling = Scaling(Client());
        var vms = await driver.VMsAsync();
        var order = await OrderAsync(minimum: 1) with { MasterId = vms[0].Id, Master = vms[0].Name };
        await scaling.StartAsync(order, default);
        await Time.WaitingAsync(TimeSpan.FromSeconds(10));
        var waiting = Assert.Single(await scaling.ListAsync(default));
        Assert.Equal((ScalingState.Waiting, 0), (waiting.State, waiting.CycleCount));
        Assert.Equal("kvm02 is not connected: no route to host", waiting.Error);

        driver.IsAway = false;
        Time.Advance(TimeSpan.FromSeconds(10));
        var status = await CycleAsync(scaling, 1);
        Assert.Equal((ScalingState.Running, null), (status.State, status.Error));
    }

    [Fact]
    public async Task A_group_that_failed_is_told_with_its_error_is_no_work_and_is_not_begun_again()
    {
        var server = await StartAsync();
        var scaling = Scaling(Client());
        await scaling.StartAsync(await OrderAsync() with { MaxCpuRatio = 0 }, default);
        var failed = await UntilAsync(() => scaling.ListAsync(default), all => all[0].State is ScalingState.Failed);
        Assert.Contains("No host has room", failed[0].Error, StringComparison.Ordinal);
        await UntilAsync(async () => (await Client().FindAsync(default))!.ScalingGroups.Count, count => count == 0);
        await Client().StopAsync(Environment.ProcessId, force: false, default);
        await server.Ended;
        await StartAsync();
        Assert.Equal(ScalingState.Failed, Assert.Single(await scaling.ListAsync(default)).State);
        // It can be given anew.
        await scaling.StartAsync(await OrderAsync(minimum: 1), default);
        await CycleAsync(scaling, 1);
        Assert.Equal(["web-1"], await GroupAsync());
    }

    [Fact]
    public async Task What_VMs_use_is_accounted_without_a_gap_over_two_agents()
    {
        var server = await StartAsync();
        var usage = new PersistentUsage(Client(), new PersistentWork(Journal));
        await usage.StartAsync(new UsageOrder(TimeSpan.FromSeconds(60), Path: null, [First, Second]), default);
        var refused = await Assert.ThrowsAsync<AgentException>(
            () => usage.StartAsync(new UsageOrder(TimeSpan.FromSeconds(1), Path: null, [First]), default));
        Assert.Equal(AgentError.Exists, refused.Error);
        await Time.WaitingAsync(TimeSpan.FromSeconds(60));
        Assert.True((await Client().FindAsync(default))!.IsAccounting);
        Time.Advance(TimeSpan.FromSeconds(60));
        await Time.WaitingAsync(TimeSpan.FromSeconds(60));
        server.End("the test ends it");
        await server.Ended;
        Time.Advance(TimeSpan.FromSeconds(600));

        await StartAsync();
        await Time.WaitingAsync(TimeSpan.FromSeconds(60));
        Assert.True(await usage.StopAsync(default));
        Assert.False(await usage.StopAsync(default));
        await using var journal = Journal();
        var told = await journal.ReadEventsAsync(new EventQuery { Kinds = [KumoiEventKind.Usage] }, default).ToListAsync();
        Assert.Equal(ManualTime.Start.AddSeconds(660), told.Max(one => one.At));
        Assert.Equal(6, told.Count);
    }

    /// <summary>The journal as it is when an agent that had begun was killed.</summary>
    private async Task BegunByAnotherAsync()
    {
        await using var journal = Journal();
        var dead = OperationOwner.Current with { ProcessId = int.MaxValue - 1 };
        await journal.AppendAsync(
            new KumoiEvent
            {
                At = Time.GetUtcNow(),
                Kind = KumoiEventKind.Agent,
                Message = "The agent begins.",
                Data = $$"""{"step":"Begun","owner":"{{dead.ToToken()}}"}""",
            },
            default);
    }

    /// <summary>When the group was looked at so many times, each an interval after the other.</summary>
    private async Task<KumoiScaling> CycleAsync(PersistentScaling scaling, int count)
    {
        while (true)
        {
            var status = await UntilAsync(
                async () => (await scaling.ListAsync(default))[0],
                one => one.State is ScalingState.Failed || one.CycleCount > 0);
            if (status.CycleCount >= count || status.State is ScalingState.Failed)
            {
                Assert.Null(status.Error);
                return status;
            }

            await Time.WaitingAsync(TimeSpan.FromSeconds(30));
            Time.Advance(TimeSpan.FromSeconds(30));
        }
    }
}
