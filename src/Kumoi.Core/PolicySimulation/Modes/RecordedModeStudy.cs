using Kumoi.FaultTolerance.Modes;

namespace Kumoi.PolicySimulation.Modes;

/// <summary>
/// Which mode, or which rule for it, fits a VM whose checkpoints were recorded: each is simulated several times on a guest that does at
/// each
/// time what that one did then, on hosts whose checkpoints cost what theirs did.
/// </summary>
public sealed record RecordedModeStudy
{
    /// <summary>What was recorded, the oldest first; see <see cref="CheckpointRecording.Read"/>.</summary>
    public required IReadOnlyList<ModeStretch> Stretches { get; init; }

    /// <summary>In checkpoint mode, from one commit to the next checkpoint.</summary>
    public TimeSpan CheckpointPeriod { get; init; } = TimeSpan.FromMilliseconds(250);

    public int Runs { get; init; } = 10;

    /// <summary>The same seed gives the same results.</summary>
    public long Seed { get; init; }

    /// <summary>
    /// A result for checkpoint mode, and, where the pair was in COLO for a while, for COLO and for each of the rules: the one with the
    /// guest's shortest standing still first.
    /// </summary>
    /// <exception cref="InvalidOperationException">Too little was recorded, or a period cannot be used.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public IReadOnlyList<KumoiModeResult> Run(CancellationToken cancellationToken = default)
    {
        var guest = RecordedGuest.Of(Stretches);
        List<ModeOptions> policies = [new FixedModeOptions(PairMode.Checkpoint)];
        if (guest.HasColo)
        {
            policies.AddRange([new FixedModeOptions(PairMode.Colo), .. new ModeStudy().Hybrids]);
        }

        policies = [.. policies.Select(policy => policy with { CheckpointPeriod = CheckpointPeriod })];
        var runs = new ModeFigures[policies.Count][];
        Parallel.For(0, policies.Count, new() { CancellationToken = cancellationToken }, policy =>
            runs[policy] = [.. Enumerable.Range(0, Runs).Select(run => RunOnce(guest, policies[policy], run, cancellationToken))]);
        return
        [
            .. policies.Zip(runs, static (policy, figures) => new KumoiModeResult
            {
                Policy = policy.Name,
                DowntimeRatio = Mean(figures, static run => run.DowntimeRatio),
                LatencyMs = Mean(figures, static run => run.LatencyMs),
                LatencyP99Ms = Mean(figures, static run => run.LatencyP99Ms),
                CheckpointBytesPerSec = Mean(figures, static run => run.NetworkBytesPerSec),
                ColoShare = Mean(figures, static run => run.ColoShare),
                ChangesPerHour = Mean(figures, static run => run.ChangesPerHour),
            }).OrderBy(static result => result.DowntimeRatio.Mean),
        ];
    }

    private ModeFigures RunOnce(RecordedGuest guest, ModeOptions policy, int run, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var seed = RandomStream.DeriveSeed(Seed, run);
        var controller = policy.Create(new RandomStream(seed, ModeStudy.ControllerStream).NextDouble);
        return new ModeRun(new GuestTrace(guest, seed), guest.Model, controller).Run();
    }

    private static KumoiFigure Mean(ModeFigures[] runs, Func<ModeFigures, double> figure) => KumoiFigure.Of([.. runs.Select(figure)]);
}
