using Kumoi.FaultTolerance.Modes;

namespace Kumoi.Tests.FaultTolerance.Modes;

/// <summary>A guest whose outputs differ at random, with the same pause in both modes. What it does can be changed at any time.</summary>
internal sealed class RandomGuest(int seed)
{
    private readonly Random _random = new(seed);

    /// <summary>From one difference to the next, on average.</summary>
    public double MeanSec { get; set; } = 1;

    public double PauseSec { get; set; } = 0.08;

    public TimeSpan Elapsed { get; private set; }

    public TimeSpan Paused { get; private set; }

    public int Changes { get; private set; }

    /// <summary>Does what was decided, until so much time has passed; tells each decision that was made on it.</summary>
    public void Run(ModeController controller, double seconds, Action<ModeStretch, ModeDecision>? note = null)
    {
        for (var end = Elapsed + TimeSpan.FromSeconds(seconds); Elapsed < end;)
        {
            var stretch = Next(controller.Current);
            var decision = controller.Add(stretch);
            Elapsed += stretch.Elapsed;
            Paused += stretch.Cost.Pause;
            Changes += decision.IsChange ? 1 : 0;
            note?.Invoke(stretch, decision);
        }
    }

    /// <summary>What a fixed mode comes to in the long run.</summary>
    public double DowntimeRatio(PairMode mode, ModeOptions options)
    {
        // Exponential lengths that are cut off.
        var period = options.ColoPeriod.TotalSeconds;
        var length = mode is PairMode.Colo ? MeanSec * (1 - Math.Exp(-period / MeanSec)) : options.CheckpointPeriod.TotalSeconds;
        return PauseSec / (length + PauseSec);
    }

    private ModeStretch Next(ModeDecision decision)
    {
        var difference = -Math.Log(1 - _random.NextDouble()) * MeanSec;
        var period = decision.Period.TotalSeconds;
        var isMismatch = decision.Mode is PairMode.Colo && difference < period;
        return Stretches.Of(
            decision.Mode, isMismatch ? difference : period, PauseSec, isMismatch ? CheckpointCause.Mismatch : CheckpointCause.Period);
    }
}
