using Kumoi.Composition;
using Kumoi.FaultTolerance.Engines;
using Kumoi.FaultTolerance.Modes;
using Kumoi.FaultTolerance.Pairs;
using Kumoi.FaultTolerance.Protocols;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Faults;
using Kumoi.Hypervisors.Libvirt;
using Kumoi.Resilience;
using Kumoi.Tests.FaultTolerance.Pairs;
using Xunit;

namespace Kumoi.Tests.Lab;

/// <summary>
/// Pairs by QEMU's COLO, whose standby runs along, stands still, or both in turn. The guest counts at its console: what the outside has seen
/// must count on by one, whatever happens.
/// </summary>
public sealed class PairColoTests(RealLab lab) : PairTest(lab)
{
    /// <summary>COLO for one checkpoint, checkpoint mode for two, and so on: each power loss may fall into a change.</summary>
    private static readonly ModeOptions InTurn = new MovingAverageModeOptions
    {
        Limit = TimeSpan.FromMinutes(1),
        MinCheckpoints = 1,
        StayCheckpoints = 2,
    };

    public static TheoryData<string, string> Ways => new(
        from mode in (string[])["Checkpoint", "Colo", "Hybrid"] from generation in (string[])["machine", "newer"] select (generation, mode));

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task The_primary_loses_its_power_at_any_instant(string generation, string mode)
    {
        var hosts = Lab.Choose(3, host => host.Generation == generation);
        await using var controller = await ProtectAsync(
            "colo", hosts, how: plan => Colo(plan, Enum.TryParse<PairMode>(mode, out var one) ? new FixedModeOptions(one) : InTurn));
        var figures = new PairFigures(controller);
        List<PairMode> modes = [];
        controller.Changed += (happened, _) => modes.AddRange(happened is PairEvent.CheckpointMade { Change: { } change } ? [change.Mode] : []);
        var running = await RunAsync(controller, hosts[0]);
        await LoseAsync(controller, running, figures, losses: (Losses + 1) / 2);

        await StopAsync(controller, running);
        Assert.Equal(mode is "Hybrid", modes.Count > 0);
        Say($"{mode}, {generation}: {(Losses + 1) / 2} power losses, {modes.Count} changes of the mode, {Numbers().Count} numbers, each once; {figures}");
    }

    /// <summary>COLO for one checkpoint, two of another engine, and so on, each in a standby of its own.</summary>
    [Theory]
    [InlineData("machine", CheckpointEngine.Migrate)]
    [InlineData("newer", CheckpointEngine.SharedDelta)]
    public async Task The_primary_loses_its_power_while_another_engine_makes_the_checkpoints_between(
        string generation, CheckpointEngine between)
    {
        var hosts = Lab.Choose(3, host => host.Generation == generation);
        await using var controller = await ProtectAsync("colo", hosts, how: plan => Colo(plan, InTurn) with { CheckpointsBy = between });
        var figures = new PairFigures(controller);
        List<PairMode> modes = [];
        var pauses = new Dictionary<PairMode, List<double>> { [PairMode.Colo] = [], [PairMode.Checkpoint] = [] };
        controller.Changed += (happened, _) =>
        {
            if (happened is PairEvent.CheckpointMade made)
            {
                pauses[made.Mode].Add(made.Measure.Pause.TotalMilliseconds);
                modes.AddRange(made.Change is { } change ? [change.Mode] : []);
            }
        };
        var running = await RunAsync(controller, hosts[0]);
        await LoseAsync(controller, running, figures, losses: (Losses + 1) / 2);

        await StopAsync(controller, running);
        Assert.Contains(PairMode.Colo, modes);
        Assert.Contains(PairMode.Checkpoint, modes);
        Say($"{between}, {generation}: {(Losses + 1) / 2} power losses, {modes.Count} changes of the mode, {Numbers().Count} numbers, each once; "
            + string.Join(", ", pauses.Select(static pause => $"{pause.Key} {pause.Value.Order().ElementAtOrDefault(pause.Value.Count / 2):0} ms"))
            + $"; {figures}");
    }

    /// <summary>On a host that is well, where the kernel tells it.</summary>
    [Theory]
    [InlineData("machine", PairMode.Colo)]
    [InlineData("newer", PairMode.Checkpoint)]
    public async Task The_VM_dies_and_its_standby_goes_on_at_once(string generation, PairMode mode)
    {
        var hosts = Lab.Choose(3, host => host.Generation == generation);
        await using var controller = await ProtectAsync(
            "colo", hosts, how: plan => Colo(plan, new FixedModeOptions(mode)) with { SeesProcesses = true });
        var running = await RunAsync(controller, hosts[0]);
        var figures = new PairFigures(controller);
        for (var death = 0; death < (Losses + 1) / 2; death++)
        {
            var record = controller.Record!;
            Kill(record, figures);
            await ProtectedAgainAsync(controller, running, record.LastNumber);
        }

        await StopAsync(controller, running);
        Say($"{mode}, {generation}: {figures}");
    }

    /// <summary>Of what its devices are since then no checkpoint has all: it would be a VM whose card is dead.</summary>
    [Theory]
    [InlineData("machine")]
    [InlineData("newer")]
    public async Task A_standby_that_was_reset_is_replaced_by_a_new_one(string generation)
    {
        var hosts = Lab.Choose(3, host => host.Generation == generation);
        await using var controller = await ProtectAsync("colo", hosts, how: plan => Colo(plan, new FixedModeOptions(PairMode.Colo)));
        var running = await RunAsync(controller, hosts[0]);
        var record = controller.Record!;
        var lost = Until(controller, running, static (happened, _) => happened is PairEvent.BackupLost);
        await Host(record.Backup!).Link.SendAsync(
            new QemuCommand(PairDomains.Of(Id, record.Checkpoint!.Standby), "system_reset"), CancellationToken.None);
        await lost;
        await ProtectedAgainAsync(controller, running, record.LastNumber);
        Assert.Equal(record.Primary, controller.Record!.Primary);
        Assert.NotEqual(record.Checkpoint.Attempt, controller.Record.Checkpoint!.Attempt);
        await StopAsync(controller, running);
    }

    /// <summary>Half of the deaths are before a step, half after it: a step is a call that stops, asks for a checkpoint, or lets go.</summary>
    [Theory]
    [InlineData("machine", null)]
    [InlineData("newer", null)]
    [InlineData("newer", CheckpointEngine.Migrate)]
    public async Task The_controller_dies_in_each_step_of_a_change_of_the_mode_and_the_next_one_goes_on(
        string generation, CheckpointEngine? between)
    {
        var hosts = Lab.Choose(3, host => host.Generation == generation);
        await BeginAsync(hosts, between);
        var steps = generation is "machine" ? Losses * 2 : Losses; // 8 are all: four calls, before and after each
        for (var step = 1; step <= steps; step++)
        {
            // A change of the mode is one checkpoint: both are stopped, it is asked for, and the standby is stopped again, or not.
            await DieAtAsync(
                1 + (step / 2 % 4), isDone: step % 2 == 0, static (happened, _) => happened is PairEvent.CheckpointMade { Change: not null });

            // And the one after it: it lets the standby out of COLO, stops it, and makes it ready.
            await DieAtAsync(1 + (step % 4), isDone: step % 3 == 0, static (_, record) => record.Phase is PairPhase.TakingOver);
        }

        await using var last = new PairController(Fleet, Plan, TimeProvider.System);
        var goesOn = await RunAsync(last, primary: null);
        await StopAsync(last, goesOn);
        Say($"{generation}: {steps * 2} deaths, {Numbers().Count} numbers, each once");
    }

    /// <summary>
    /// Half of the losses are in the steps of a checkpoint that changes the mode, half in those that follow; half before a step, half after
    /// it.
    /// </summary>
    [Theory]
    [InlineData("machine", null)]
    [InlineData("newer", null)]
    [InlineData("machine", CheckpointEngine.Migrate)]
    public async Task The_primary_loses_its_power_in_each_step_of_a_change_of_the_mode(string generation, CheckpointEngine? between)
    {
        var hosts = Lab.Choose(3, host => host.Generation == generation);
        await BeginAsync(hosts, between);
        var time = TimeProvider.System;
        PairController? controller = null;
        PairFigures? figures = null;
        using var process = new DyingProcess
        {
            Instead = () =>
            {
                figures!.Lose();
                return Lab.HurtAsync("power-off", controller!.Record!.Primary);
            },
        };
        await using var fleet = KumoiFleet.Create(
            [new DyingDriver(new LibvirtDriver(time), process)], new PollyCallPolicyFactory(), new FaultPlan(new Random(1), time), time);
        await ConnectAllAsync(fleet, UriOf);
        await using var pair = controller = new PairController(fleet, Plan, time);
        figures = new PairFigures(controller);
        var running = await RunAsync(controller, primary: null);
        for (var loss = 0; loss < (Losses + 1) / 2; loss++)
        {
            var primary = controller.Record!.Primary;
            var tookOver = Until(controller, running, static (happened, _) => happened is PairEvent.TookOver);
            // COLO for one checkpoint, checkpoint mode for two: the one after a checkpoint without a change changes it.
            await Until(controller, running, (happened, _) =>
            {
                var isIt = happened is PairEvent.CheckpointMade made && made.Change is null == (loss % 2 is 0);
                if (isIt)
                {
                    process.DieAt(1 + (loss / 4 % 4), isDone: loss / 2 % 2 is 0);
                }

                return isIt;
            });
            await tookOver;
            Say($"lost {process.DiedAt}");
            await Lab.MakeWellAsync(primary);
            await ProtectedAgainAsync(controller, running, controller.Record.LastNumber);
        }

        await StopAsync(controller, running);
        Say($"{generation}: {(Losses + 1) / 2} power losses in changes, {Numbers().Count} numbers, each once; {figures}");
    }

    /// <summary>A pair that others go on with.</summary>
    private async Task BeginAsync(IReadOnlyList<string> hosts, CheckpointEngine? between)
    {
        await using var first = await ProtectAsync("colo", hosts, how: plan => Colo(plan, InTurn) with { CheckpointsBy = between });
        using var end = new CancellationTokenSource();
        var begun = await RunAsync(first, hosts[0], end.Token);
        await end.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => begun);
    }

    /// <summary>A controller goes on with the pair until it is so, and dies before or after the n-th step from then on.</summary>
    private async Task DieAtAsync(int step, bool isDone, Func<PairEvent, PairRecord, bool> isSuch)
    {
        using var process = new DyingProcess();
        var time = TimeProvider.System;
        await using var fleet = KumoiFleet.Create(
            [new DyingDriver(new LibvirtDriver(time), process)], new PollyCallPolicyFactory(), new FaultPlan(new Random(1), time), time);
        await ConnectAllAsync(fleet, UriOf);
        await using var controller = new PairController(fleet, Plan, time);
        controller.Changed += (happened, record) =>
        {
            if (!process.IsArmed && isSuch(happened, record))
            {
                process.DieAt(step, isDone);
            }
        };
        await Assert.ThrowsAnyAsync<Exception>(() => controller.RunAsync(primary: null, process.Death).WaitAsync(TimeSpan.FromSeconds(60)));
        Say($"dead {process.DiedAt} in {controller.Record}");
    }

    [Fact]
    public async Task A_standby_that_hangs_is_given_up_and_the_VM_runs_on()
    {
        var hosts = Lab.Choose(3, static host => !host.IsNewer);
        await using var controller = await ProtectAsync("colo", hosts, how: plan => Colo(plan, InTurn));
        var running = await RunAsync(controller, hosts[0]);

        await Lab.ExecuteAsync(hosts[1], "sh", "-c", $"kill -STOP $(cat /run/libvirt/qemu/{VM}-ck?.pid)");
        await Until(controller, running, static (_, record) => record.Phase is PairPhase.Unprotected);
        Assert.Equal(hosts[0], controller.Record!.Primary);
        await Lab.MakeWellAsync(hosts[1]); // libvirt may wait for the hung QEMU too, and then the host's power was switched off
        await ProtectedAgainAsync(controller, running, controller.Record.LastNumber);

        await StopAsync(controller, running);
        Assert.Equal(VMWhereabouts.Running, await WhereaboutsAsync(hosts[0], Id));
    }

    /// <summary>COLO tells nobody, and goes on by itself when the network is back, which is no fence: the detector's is.</summary>
    [Fact]
    public async Task COLO_that_stands_still_because_the_two_hosts_do_not_hear_each_other_is_fenced_and_failed_over()
    {
        var hosts = Lab.Choose(3, static host => !host.IsNewer);
        await using var controller = await ProtectAsync("colo", hosts, how: plan => Colo(plan, new FixedModeOptions(PairMode.Colo)));
        var running = await RunAsync(controller, hosts[0]);
        try
        {
            await Lab.SeparateAsync(hosts[0], hosts[1]);
            await Lab.SeparateAsync(hosts[1], hosts[0]);
            await Until(controller, running, (happened, _) => happened is PairEvent.TookOver took && took.Host == hosts[1]);
            Assert.NotEqual(VMWhereabouts.Running, await WhereaboutsAsync(hosts[0], Id));
        }
        finally
        {
            await Lab.ReuniteAsync(hosts[0], hosts[1]);
            await Lab.ReuniteAsync(hosts[1], hosts[0]);
        }

        await ProtectedAgainAsync(controller, running, controller.Record!.LastNumber);
        await StopAsync(controller, running);
        Assert.NotEqual(VMWhereabouts.Running, await WhereaboutsAsync(hosts[0], Id));
    }

    [Fact]
    public async Task A_QEMU_whose_monitor_does_not_answer_is_refused_beforehand_and_the_VM_runs_on()
    {
        var hosts = Lab.Choose(2, static host => !host.IsNewer);
        await using var controller = await ProtectAsync("colo", hosts, how: plan => Colo(plan, InTurn));
        var running = controller.RunAsync(hosts[0], CancellationToken.None);
        var refused = Until(controller, running, static (happened, _) => happened is PairEvent.CheckpointsFail);
        await Lab.ExecuteAsync(
            hosts[1], "sh", "-c",
            $"until kill -STOP $(cat /run/libvirt/qemu/{VM}-ck?.pid 2>/dev/null) 2>/dev/null; do sleep 0.01; done");
        await refused;

        Assert.Contains("10.0.7", controller.Record!.Reason, StringComparison.Ordinal); // what to do
        Assert.Equal(VMWhereabouts.Running, await WhereaboutsAsync(hosts[0], Id));
        controller.Requests.Stop();
        Assert.Equal(PairPhase.Stopped, (await running).Phase);
        Assert.Equal(VMWhereabouts.Running, await WhereaboutsAsync(hosts[0], Id));
    }
}
