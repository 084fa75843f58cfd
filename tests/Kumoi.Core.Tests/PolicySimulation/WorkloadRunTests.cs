using Kumoi.PolicySimulation;
using Kumoi.Speculation.Reliability;
using Xunit;

namespace Kumoi.Tests.PolicySimulation;

public sealed class WorkloadRunTests
{
    private static readonly FailureModel EverythingFails = new()
    {
        FailureRate = 0.2,
        RackFailureRatio = 0.3,
        OperationFailureRate = 0.1,
        SlowHostRatio = 0.1,
        LostLinkRatio = 0.1,
        UnknownOutcomeRate = 0.2,
    };

    public static TheoryData<PolicyWorkload> Workloads => [.. Enum.GetValues<PolicyWorkload>()];

    [Theory]
    [MemberData(nameof(Workloads))]
    public void The_same_seed_gives_the_same_figures_and_another_gives_others(PolicyWorkload workload)
    {
        var first = Run(workload, new ReplicationPolicy.Auto(0.99, 3, 95), EverythingFails);
        Assert.Equal(first, Run(workload, new ReplicationPolicy.Auto(0.99, 3, 95), EverythingFails));
        Assert.NotEqual(first, Run(workload, new ReplicationPolicy.Auto(0.99, 3, 95), EverythingFails, seed: 2));
    }

    [Theory]
    [MemberData(nameof(Workloads))]
    public void Without_failures_all_succeed_at_the_first_attempt_and_the_network_carries_nothing_in_vain(PolicyWorkload workload)
    {
        var figures = Run(workload, new ReplicationPolicy.OneAtATime(), new());
        Assert.True(figures.Succeeded > 50);
        Assert.Equal(0, figures.Failed);
        // Some are under way at the end.
        Assert.InRange(figures.AttemptsPerSuccess, 1, 1.1);
        Assert.Equal(0, figures.ExcessGiBPerSuccess, 9);
    }

    [Theory]
    [MemberData(nameof(Workloads))]
    public void No_VM_ever_runs_twice_whatever_fails(PolicyWorkload workload)
    {
        ReplicationPolicy[] policies =
        [
            new ReplicationPolicy.OneAtATime(), new ReplicationPolicy.AtOnce(3), new ReplicationPolicy.Hedged(3, 80),
            new ReplicationPolicy.Auto(0.999, 4, 90),
        ];
        Assert.All(policies, policy => Assert.Equal(0, Run(workload, policy, EverythingFails).DoubledVMs));
    }

    [Fact]
    public void An_unknown_outcome_is_read_before_anything_else_is_done_which_takes_time()
    {
        var known = Run(PolicyWorkload.ContinuousIntegration, new ReplicationPolicy.OneAtATime(), new());
        var unknown = Run(
            PolicyWorkload.ContinuousIntegration, new ReplicationPolicy.OneAtATime(), new() { UnknownOutcomeRate = 0.4, ReadSec = 100 });
        Assert.Equal(0, unknown.Failed);
        Assert.InRange(unknown.AttemptsPerSuccess, 1, 1.1);
        // 0.4 · 100 s.
        Assert.InRange(unknown.TimeSec - known.TimeSec, 36, 42);
    }

    [Fact]
    public void Naive_retry_waits_for_a_lost_link_and_replicas_do_not()
    {
        var failures = new FailureModel { LostLinkRatio = 0.3, MinFailureSec = 60, MaxFailureSec = 120 };
        var retry = Run(PolicyWorkload.ContinuousIntegration, new ReplicationPolicy.OneAtATime(), failures);
        var replicas = Run(PolicyWorkload.ContinuousIntegration, new ReplicationPolicy.AtOnce(3), failures);
        Assert.True(replicas.TimeSec < retry.TimeSec / 2, $"{replicas.TimeSec} s, {retry.TimeSec} s");
    }

    [Fact]
    public void Where_hosts_are_slow_hedging_helps_and_costs_little()
    {
        var failures = new FailureModel { SlowHostRatio = 0.1, SlowFactor = 20 };
        var retry = Run(PolicyWorkload.ContinuousIntegration, new ReplicationPolicy.OneAtATime(), failures);
        var hedged = Run(PolicyWorkload.ContinuousIntegration, new ReplicationPolicy.Hedged(2, 80), failures);
        Assert.True(hedged.TimeSec < 0.6 * retry.TimeSec, $"{hedged.TimeSec} s, {retry.TimeSec} s");
        Assert.True(hedged.AttemptsPerSuccess < 1.35);
    }

    [Fact]
    public void Hedging_gives_up_about_as_many_as_the_percentile_says()
    {
        var hedged = Run(PolicyWorkload.RollingUpgrade, new ReplicationPolicy.Hedged(2, 90), new());
        Assert.InRange(hedged.AttemptsPerSuccess, 1.05, 1.13);
    }

    [Fact]
    public void Auto_takes_more_replicas_where_more_fails()
    {
        var auto = new ReplicationPolicy.Auto(0.95, 4);
        var attempts = new[] { 0, 0.1, 0.3, 0.5 }
            .Select(rate => Run(PolicyWorkload.CapacityMultiplexing, auto, new() { OperationFailureRate = rate }).AttemptsPerSuccess)
                .ToArray();
        Assert.Equal(attempts.Order(), attempts);
        Assert.InRange(attempts[0], 1, 1.1);
        Assert.InRange(attempts[^1], 3, 5);
    }

    [Fact]
    public void Auto_learns_which_hosts_fail()
    {
        // Few hosts with many power-ons each, and failures that last.
        var failures = new FailureModel { FailureRate = 0.3, MinFailureSec = 20000, MaxFailureSec = 40000 };
        var auto = Run(PolicyWorkload.ContinuousIntegration, new ReplicationPolicy.Auto(0.95, 4), failures);
        var two = Run(PolicyWorkload.ContinuousIntegration, new ReplicationPolicy.AtOnce(2), failures);
        Assert.True(auto.SuccessRatio > two.SuccessRatio);
        Assert.True(auto.AttemptsPerSuccess < two.AttemptsPerSuccess);
    }

    [Fact]
    public void Auto_survives_failing_racks_better_than_as_many_replicas_anywhere()
    {
        // Four racks of which one is failed: among few racks, two of random targets are often in the same.
        var failures = new FailureModel { FailureRate = 0.25, RackFailureRatio = 1, MinFailureSec = 300, MaxFailureSec = 600 };
        var auto = Run(PolicyWorkload.CapacityMultiplexing, new ReplicationPolicy.Auto(1, 2), failures, hostsPerRack: 16);
        var two = Run(PolicyWorkload.CapacityMultiplexing, new ReplicationPolicy.AtOnce(2), failures, hostsPerRack: 16);
        Assert.True(auto.SuccessRatio > two.SuccessRatio, $"{auto.SuccessRatio}, {two.SuccessRatio}");
    }

    [Fact]
    public void A_rolling_upgrade_ends_when_all_hosts_are_upgraded()
    {
        var figures = Run(PolicyWorkload.RollingUpgrade, new ReplicationPolicy.AtOnce(2), EverythingFails, durationSec: 1e7);
        Assert.InRange(figures.TimeSec, 64 / 2 * 600, 1e6);
        // Every VM had to move once at least.
        Assert.True(figures.Succeeded >= 64 * 8);
    }

    [Fact]
    public void VMs_go_to_upgraded_hosts_first_so_that_few_move_twice()
    {
        var figures = Run(PolicyWorkload.RollingUpgrade, new ReplicationPolicy.OneAtATime(), new(), durationSec: 1e7);
        // 512 VMs. To any host with room, each would move about twice.
        Assert.InRange(figures.Succeeded, 512, 600);
    }

    [Fact]
    public void A_cancelled_run_stops()
    {
        using var stop = new CancellationTokenSource();
        stop.Cancel();
        Assert.Throws<OperationCanceledException>(
            () => WorkloadRun.Create(Settings(PolicyWorkload.RollingUpgrade, new ReplicationPolicy.OneAtATime(), new())).Run(stop.Token));
    }

    private static SimulationSettings Settings(PolicyWorkload workload, ReplicationPolicy policy, FailureModel failures) => new()
    {
        Workload = workload,
        Policy = policy,
        Failures = failures,
        HostCount = 64,
        HostsPerRack = 8,
        Seed = 1,
    };

    private static RunFigures Run(
        PolicyWorkload workload, ReplicationPolicy policy, FailureModel failures, long seed = 1, double durationSec = 86400,
        int hostsPerRack = 8) =>
        WorkloadRun.Create(Settings(workload, policy, failures)
            with
        { Seed = seed, DurationSec = durationSec, HostsPerRack = hostsPerRack }).Run(CancellationToken.None);
}
