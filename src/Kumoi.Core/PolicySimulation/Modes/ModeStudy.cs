using Kumoi.FaultTolerance.Modes;

namespace Kumoi.PolicySimulation.Modes;

/// <summary>
/// Compares rules for the mode of a fault-tolerant pair with each other and with both fixed modes, as paper 004 does: each several times,
/// with other seeds. In each run, all rules meet the same guest.
/// </summary>
public sealed record ModeStudy
{
    private static readonly ModeOptions[] Fixed = [new FixedModeOptions(PairMode.Checkpoint), new FixedModeOptions(PairMode.Colo)];

    public IReadOnlyList<ModeWorkload> Workloads { get; init; } = Enum.GetValues<ModeWorkload>();

    /// <summary>Both fixed modes come before them, wanted or not.</summary>
    public IReadOnlyList<ModeOptions> Hybrids { get; init; } =
    [
        new MovingAverageModeOptions(), new MovingAverageModeOptions { IsBiasCorrected = true }, new ThresholdModeOptions(),
        new ProportionalIntegralModeOptions(), new LearnedModeOptions(),
    ];

    /// <summary>The simulated time of each run. The paper's are 30 minutes.</summary>
    public TimeSpan Duration { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>The paper's are 10.</summary>
    public int Runs { get; init; } = 10;

    /// <summary>The same seed gives the same results.</summary>
    public long Seed { get; init; }

    /// <summary>For each workload a result for each rule, in the order in which they were given.</summary>
    /// <exception cref="InvalidOperationException">A rule cannot be used.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public IReadOnlyList<ModeResult> Run(CancellationToken cancellationToken = default)
    {
        ModeOptions[] policies = [.. Fixed, .. Hybrids];
        var runs = new ModeFigures[Workloads.Count, policies.Length, Runs];
        Parallel.For(0, Workloads.Count * Runs, new() { CancellationToken = cancellationToken }, i =>
        {
            var (workload, run) = Math.DivRem(i, Runs);
            var seed = RandomStream.DeriveSeed(Seed, run);
            var model = new PairModel();
            var guest = new GuestTrace(Workloads[workload], Duration.TotalSeconds, model, seed);
            for (var policy = 0; policy < policies.Length; policy++)
            {
                var controller = policies[policy].Create(new RandomStream(seed, ControllerStream).NextDouble);
                runs[workload, policy, run] = new ModeRun(guest, model, controller).Run();
            }
        });
        return
        [
            .. from workload in Enumerable.Range(0, Workloads.Count)
               from policy in Enumerable.Range(0, policies.Length)
               select Compare(Workloads[workload], policies[policy], Of(policy, workload), [Of(0, workload), Of(1, workload)]),
        ];

        List<ModeFigures> Of(int policy, int workload) => [.. Enumerable.Range(0, Runs).Select(run => runs[workload, policy, run])];
    }

    /// <summary>Not one of the guest's.</summary>
    internal const int ControllerStream = 100;

    private static ModeResult Compare(ModeWorkload workload, ModeOptions policy, List<ModeFigures> own, List<ModeFigures>[] both)
    {
        var better = Enumerable.Range(0, both.Length).MinBy(i => both[i].Average(static run => run.DowntimeRatio));
        return new()
        {
            Workload = workload,
            Policy = policy.Name,
            IsHybrid = policy is not FixedModeOptions,
            DowntimeRatio = Mean(static run => run.DowntimeRatio),
            BetterFixed = Fixed[better].Name,
            DowntimeDifference = KumoiFigure.Of([.. own.Zip(both[better], static (run, other) => run.DowntimeRatio - other.DowntimeRatio)]),
            LatencyMs = Mean(static run => run.LatencyMs),
            LatencyP99Ms = Mean(static run => run.LatencyP99Ms),
            CpuRatio = Mean(static run => run.CpuRatio),
            NetworkBytesPerSec = Mean(static run => run.NetworkBytesPerSec),
            ColoShare = Mean(static run => run.ColoShare),
            ChangesPerHour = Mean(static run => run.ChangesPerHour),
        };

        KumoiFigure Mean(Func<ModeFigures, double> figure) => KumoiFigure.Of([.. own.Select(figure)]);
    }
}
