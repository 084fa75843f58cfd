using Kumoi.PolicySimulation;
using Kumoi.Speculation.Reliability;
using Xunit;

namespace Kumoi.Tests.PolicySimulation;

/// <summary>
/// Where failures are independent and targets fresh, k replicas succeed with 1 − f^k, and cost k(1 − f) / (1 − f^k) times the attempts of
/// retry. Intervals are of 99.9 %: with all figures of this class, one in a hundred sets of seeds would miss one.
/// </summary>
public sealed class ClosedFormTests
{
    private const double Confidence = 0.999;
    private const int Runs = 10;

    /// <summary>The first failure is final: the next attempt has fresh targets.</summary>
    private static readonly OperationModel Migration = OperationModel.Migration with { RetryTimeoutSec = 0 };

    [Theory]
    [InlineData(0.2, 1, 0.8, 1)]
    [InlineData(0.2, 2, 0.960, 1.6667)]
    [InlineData(0.2, 3, 0.992, 2.4194)]
    [InlineData(0.5, 2, 0.750, 1.3333)]
    [InlineData(0.5, 3, 0.875, 1.7143)]
    public void K_at_once_succeed_and_cost_as_the_closed_forms_say(double f, int k, double success, double attempts)
    {
        Assert.Equal(success, 1 - Math.Pow(f, k), 4);
        Assert.Equal(attempts, k * (1 - f) / (1 - Math.Pow(f, k)), 4);
        var (runs, retry) = RunBoth(PolicyWorkload.ContinuousIntegration, new ReplicationPolicy.AtOnce(k), OperationModel.PowerOn, f, null);
        AssertWithin(KumoiFigure.Of([.. runs.Select(run => run.SuccessRatio)], Confidence), success);
        if (k > 1)
        {
            AssertWithin(
                KumoiFigure.Of([.. runs.Zip(retry, (run, other) => run.AttemptsPerSuccess / other.AttemptsPerSuccess)], Confidence),
                attempts);
        }
    }

    [Theory]
    [InlineData(0.2, 2)]
    [InlineData(0.5, 3)]
    public void Migrations_meet_them_too(double f, int k)
    {
        var (runs, _) = RunBoth(PolicyWorkload.CapacityMultiplexing, new ReplicationPolicy.AtOnce(k), Migration, f, null);
        AssertWithin(KumoiFigure.Of([.. runs.Select(run => run.SuccessRatio)], Confidence), 1 - Math.Pow(f, k));
    }

    [Theory]
    [InlineData(0.2, 2)]
    [InlineData(0.5, 3)]
    public void A_share_of_failed_hosts_is_the_same_where_failures_last_much_longer_than_operations(double f, int k)
    {
        // So few hosts are loaded that failed ones do not stay emptier than the others, and none fails in mid-operation.
        var failures = new FailureModel { FailureRate = f, MinFailureSec = 1e7, MaxFailureSec = 2e7 };
        var (runs, _) = RunBoth(PolicyWorkload.ContinuousIntegration, new ReplicationPolicy.AtOnce(k), OperationModel.PowerOn, 0, failures);
        // Drawn without replacement from 1,024.
        var failed = Math.Round(f * 1024);
        var none = Enumerable.Range(0, k).Aggregate(1.0, (product, i) => product * (failed - i) / (1024 - i));
        AssertWithin(KumoiFigure.Of([.. runs.Select(run => run.SuccessRatio)], Confidence), 1 - none);
    }

    [Theory]
    [InlineData(PolicyWorkload.ContinuousIntegration, 0.2, 2)]
    [InlineData(PolicyWorkload.ContinuousIntegration, 0.5, 3)]
    [InlineData(PolicyWorkload.CapacityMultiplexing, 0.2, 3)]
    public void Hedging_reaches_the_success_of_k_at_once_at_a_clearly_lower_cost(PolicyWorkload workload, double f, int k)
    {
        var model = workload is PolicyWorkload.ContinuousIntegration ? OperationModel.PowerOn : Migration;
        var (atOnce, _) = RunBoth(workload, new ReplicationPolicy.AtOnce(k), model, f, null);
        var (hedged, _) = RunBoth(workload, new ReplicationPolicy.Hedged(k, 95), model, f, null);
        var success = KumoiFigure.Of([.. hedged.Select(run => run.SuccessRatio)], Confidence);
        Assert.True(success.High >= 1 - Math.Pow(f, k), $"{success}");
        var cost = KumoiFigure.Of([.. hedged.Zip(atOnce, (run, other) => run.AttemptsPerSuccess / other.AttemptsPerSuccess)], Confidence);
        Assert.True(cost.High < 0.75, $"{cost}");
        if (workload is PolicyWorkload.CapacityMultiplexing)
        {
            var network = KumoiFigure.Of(
                [.. hedged.Zip(atOnce, (run, other) => run.ExcessGiBPerSuccess / other.ExcessGiBPerSuccess)], Confidence);
            Assert.True(network.High < 0.5, $"{network}");
        }
    }

    private static (IReadOnlyList<RunFigures> Runs, IReadOnlyList<RunFigures> Retry) RunBoth(
        PolicyWorkload workload, ReplicationPolicy policy, OperationModel model, double operationFailureRate, FailureModel? failures)
    {
        return (RunAll(policy), RunAll(new ReplicationPolicy.OneAtATime()));

        IReadOnlyList<RunFigures> RunAll(ReplicationPolicy each) =>
        [
            .. Enumerable.Range(0, Runs).Select(run => WorkloadRun.Create(new()
            {
                Workload = workload,
                Policy = each,
                Failures = (failures ?? new()) with { OperationFailureRate = operationFailureRate },
                // With room for all, so that no target is full.
                VMsPerHost = workload is PolicyWorkload.ContinuousIntegration ? 40 : 8,
                DurationSec = workload is PolicyWorkload.ContinuousIntegration ? 3600 : 43200,
                Seed = RandomStream.DeriveSeed(5, run),
                Operation = model,
            }).Run(CancellationToken.None)),
        ];
    }

    private static void AssertWithin(KumoiFigure figure, double expected) =>
        Assert.True(figure.Low <= expected && expected <= figure.High, $"{expected} is not within {figure.Low} to {figure.High}");
}
