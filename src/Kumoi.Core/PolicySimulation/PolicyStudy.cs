using System.Runtime.CompilerServices;
using Kumoi.Fleets;
using Kumoi.Speculation.Reliability;

namespace Kumoi.PolicySimulation;

/// <summary>
/// Compares replication policies with naive retry on a simulated fleet. Each combination of a failure rate and a policy is run several
/// times, with other seeds; in each run, all policies meet the same failures and the same load.
/// </summary>
internal sealed record PolicyStudy
{
    private const double BytesPerGiB = 1L << 30;

    public required PolicyWorkload Workload { get; init; }

    /// <summary>0..1; each replaces that of <see cref="Failures"/>.</summary>
    public required IReadOnlyList<double> FailureRates { get; init; }

    public required IReadOnlyList<ReplicationPolicy> Policies { get; init; }

    public FailureModel Failures { get; init; } = new();

    public int HostCount { get; init; } = 1024;

    public int HostsPerRack { get; init; } = 32;

    public int VMsPerHost { get; init; } = 8;

    public TimeSpan Duration { get; init; } = TimeSpan.FromDays(1);

    public int Runs { get; init; } = 5;

    public long Seed { get; init; }

    /// <summary>Null: the workload's own operation.</summary>
    public OperationModel? Operation { get; init; }

    /// <summary>
    /// The results in order of the failure rates and then of the policies, each when it is known. They do not depend on how many runs are
    /// made at a time.
    /// </summary>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public async IAsyncEnumerable<KumoiPolicyResult> RunAsync(
        int runsAtATime, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        // Naive retry is what all are compared with, so it is run once for each rate, wanted or not.
        var retry = new ReplicationPolicy.OneAtATime();
        var others = Policies.Where(policy => policy is not ReplicationPolicy.OneAtATime).Prepend(retry);
        var all = (from rate in FailureRates from policy in others from run in Enumerable.Range(0, Runs) select Settings(rate, policy, run))
            .ToList();
        var outcomes = FanOut.RunAsync(
            all, runsAtATime, static (settings, token) => Task.FromResult(WorkloadRun.Create(settings).Run(token)), cancellationToken);
        await using var figures = outcomes.GetAsyncEnumerator(cancellationToken);
        foreach (var rate in FailureRates)
        {
            var baseline = await TakeAsync(figures);
            foreach (var policy in Policies)
            {
                var own = policy is ReplicationPolicy.OneAtATime ? baseline : await TakeAsync(figures);
                yield return Compare(rate, policy, own, baseline);
            }
        }
    }

    private SimulationSettings Settings(double failureRate, ReplicationPolicy policy, int run) => new()
    {
        Workload = Workload,
        Policy = policy,
        Failures = Failures with { FailureRate = failureRate },
        HostCount = HostCount,
        HostsPerRack = HostsPerRack,
        VMsPerHost = VMsPerHost,
        DurationSec = Duration.TotalSeconds,
        Seed = RandomStream.DeriveSeed(Seed, run),
        Operation = Operation,
    };

    private async Task<IReadOnlyList<RunFigures>> TakeAsync(IAsyncEnumerator<Outcome<SimulationSettings, RunFigures>> figures)
    {
        var taken = new List<RunFigures>(Runs);
        while (taken.Count < Runs && await figures.MoveNextAsync())
        {
            taken.Add(figures.Current.Result);
        }

        return taken;
    }

    private KumoiPolicyResult Compare(
        double failureRate, ReplicationPolicy policy, IReadOnlyList<RunFigures> own, IReadOnlyList<RunFigures> retry)
    {
        return new()
        {
            Workload = Workload,
            FailureRate = failureRate,
            Policy = policy,
            SuccessRatio = Mean(run => run.SuccessRatio),
            Attempts = Mean(run => run.AttemptsPerSuccess),
            AttemptRatio = Against((run, other) => run.AttemptsPerSuccess / other.AttemptsPerSuccess),
            TimeSec = Mean(run => run.TimeSec),
            TimeImprovement = Against((run, other) => 1 - (run.TimeSec / other.TimeSec)),
            ExcessNetworkBytes = Mean(run => run.ExcessGiBPerSuccess * BytesPerGiB),
            ExcessNetworkRatio = Mean(run => run.ExcessNetworkRatio),
            DoubledVMCount = own.Sum(run => run.DoubledVMs),
            HostCount = HostCount,
            Duration = Duration,
            Runs = Runs,
            Seed = Seed,
            EventCount = own.Sum(run => run.Events),
        };

        KumoiFigure Mean(Func<RunFigures, double> figure) => KumoiFigure.Of([.. own.Select(figure)]);

        // Run by run: both had the same failures and the same load.
        KumoiFigure Against(Func<RunFigures, RunFigures, double> figure) => KumoiFigure.Of([.. own.Zip(retry, figure)]);
    }
}
