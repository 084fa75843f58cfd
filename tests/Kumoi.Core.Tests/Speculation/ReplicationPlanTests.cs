using Kumoi.Composition;
using Kumoi.Fleets;
using Kumoi.Hypervisors.Faults;
using Kumoi.Hypervisors.Simulated;
using Kumoi.Journal;
using Kumoi.Resilience;
using Kumoi.Speculation;
using Kumoi.Speculation.Reliability;
using Xunit;

namespace Kumoi.Tests.Speculation;

/// <summary>How an operation goes about its targets, by what is known of them.</summary>
public sealed class ReplicationPlanTests : IAsyncLifetime
{
    private readonly MemoryJournal _journal = new();
    private readonly ManualTime _time = new();
    private Fleet _fleet = null!;

    public async ValueTask InitializeAsync()
    {
        _fleet = KumoiFleet.Create(
            [new SimulatedDriver(_time)], new PollyCallPolicyFactory(_time), new FaultPlan(new Random(1), _time), _time);
        string?[] racks = ["a", "a", "b", null, null, null];
        var requests = racks.Select((rack, i) => new ConnectRequest($"sim://lab/kvm0{i + 1}?hosts=6", null, []) { FailureGroup = rack })
            .ToList();
        await foreach (var outcome in _fleet.ConnectAsync(requests, default))
        {
            _ = outcome.Result;
        }
    }

    public ValueTask DisposeAsync() => _fleet.DisposeAsync();

    [Fact]
    public async Task Auto_without_history_takes_as_many_as_the_prior_needs_and_the_rest_is_the_reserve()
    {
        var plan = await PlanAsync(new ReplicationPolicy.Auto(), 4, 5, 6);
        Assert.Equal(["kvm04 kvm05", "kvm06"], Rounds(plan));
        Assert.Equal(0.99, plan.PredictedSuccess, 9);
        Assert.Equal("2 at once: kvm04 (0.9 after 0), kvm05 (0.9 after 0); predicted success 0.99, wanted 0.99, at most 4 "
            + "replicas; reserve: kvm06", plan.Reason);
    }

    [Fact]
    public async Task Auto_takes_one_where_one_is_enough_and_of_the_reserve_again_as_many_as_are_needed()
    {
        await SeeAsync("kvm05", successes: 300);
        Assert.Equal(["kvm05", "kvm04 kvm06"], Rounds(await PlanAsync(new ReplicationPolicy.Auto(), 4, 5, 6)));
    }

    [Fact]
    public async Task Auto_passes_over_a_host_that_fails_and_takes_more_where_all_do()
    {
        await SeeAsync("kvm04", failures: 5);
        Assert.DoesNotContain("kvm04", Rounds(await PlanAsync(new ReplicationPolicy.Auto(0.9), 4, 5, 6))[0], StringComparison.Ordinal);
        await SeeAsync("kvm05", failures: 5);
        await SeeAsync("kvm06", failures: 5);
        Assert.Equal(3, (await PlanAsync(new ReplicationPolicy.Auto(), 4, 5, 6)).Rounds[0].Count);
        Assert.Equal([2, 1], (await PlanAsync(new ReplicationPolicy.Auto(CostLimit: 2), 4, 5, 6)).Rounds.Select(round => round.Count));
    }

    [Fact]
    public async Task Auto_prefers_another_rack()
    {
        var plan = await PlanAsync(new ReplicationPolicy.Auto(0.98), 1, 2, 3);
        Assert.Equal(["kvm01 kvm03", "kvm02"], Rounds(plan));
        Assert.StartsWith("2 at once: kvm01 in a (0.9 after 0), kvm03 in b (0.9 after 0)", plan.Reason, StringComparison.Ordinal);
        // Two of one rack are less than two of two.
        Assert.Equal(3, (await PlanAsync(new ReplicationPolicy.Auto(0.99), 1, 2, 4)).Rounds.Sum(round => round.Count));
        Assert.True((await PlanAsync(new ReplicationPolicy.AtOnce(2), 1, 2)).PredictedSuccess < plan.PredictedSuccess);
    }

    [Fact]
    public async Task A_fixed_number_keeps_the_order_whatever_is_known()
    {
        await SeeAsync("kvm04", failures: 5);
        Assert.Equal(["kvm04 kvm05", "kvm06"], Rounds(await PlanAsync(new ReplicationPolicy.AtOnce(2), 4, 5, 6)));
    }

    [Fact]
    public async Task Hedged_one_at_a_time_is_tried_each_for_the_percentile()
    {
        await SeeAsync("kvm04", successes: 40, seconds: 3);
        var plan = await PlanAsync(new ReplicationPolicy.Hedged(2, 95), 4, 5, 6);
        Assert.Equal(["kvm04", "kvm05", "kvm06"], Rounds(plan));
        Assert.Equal(TimeSpan.FromSeconds(6), plan.HedgeDelay);
        Assert.EndsWith("each for 6 s, the p95 of 40", plan.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Hedged_without_enough_durations_there_is_no_limit()
    {
        await SeeAsync("kvm04", successes: 7);
        var plan = await PlanAsync(new ReplicationPolicy.Hedged(2, 95), 4, 5, 6);
        Assert.Null(plan.HedgeDelay);
        Assert.Equal(3, plan.Rounds.Count);
        Assert.EndsWith(
            "each without a limit: of 20 durations that a percentile needs, 7 are known", plan.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_targets_there_is_no_round() => Assert.Empty((await PlanAsync(new ReplicationPolicy.Auto())).Rounds);

    private static List<string> Rounds(ReplicationPlan plan) => [.. plan.Rounds.Select(round => string.Join(' ', round))];

    /// <summary>For a VM of 2 GiB.</summary>
    private async Task<ReplicationPlan> PlanAsync(ReplicationPolicy policy, params int[] hosts)
    {
        var reliability = await HostReliability.ReadAsync(_journal, ReliabilityPrior.Default, _time.GetUtcNow(), after: null, default);
        return ReplicationPlan.Make(
            new SpeculationOptions { Policy = policy, Reliability = reliability }, ReliabilityKind.Migration,
            [.. hosts.Select(host => _fleet.Find($"kvm0{host}")!)], 2L << 30);
    }

    /// <summary>Migrations of VMs of 1 GiB.</summary>
    private async Task SeeAsync(string host, int successes = 0, int failures = 0, double seconds = 1)
    {
        for (var i = 0; i < successes + failures; i++)
        {
            var at = _time.GetUtcNow();
            var intent = new OperationIntent
            {
                Id = Guid.NewGuid(),
                Kind = OperationKind.Migrate,
                VMHost = "source",
                Target = host,
                IsSimulated = true,
                StartedAt = at.AddSeconds(-seconds)
            };
            await _journal.EndAsync(
                await _journal.BeginAsync(intent, default),
                intent.Id,
                i < successes
                    ? new OperationOutcome(OperationState.Succeeded, at) { Details = """{"memoryBytes":1073741824}""" }
                    : new OperationOutcome(OperationState.Failed, at) { Details = """{"faultDomain":"Host","errorCode":"Other"}""" },
                default);
        }
    }
}
