using Kumoi.FaultTolerance.Modes;

namespace Kumoi.Tests.FaultTolerance.Modes;

internal static class Stretches
{
    public static ModeStretch Of(PairMode mode, double seconds, double pauseSec = 0, CheckpointCause cause = CheckpointCause.Mismatch)
    {
        var pause = TimeSpan.FromSeconds(pauseSec);
        return new(mode, TimeSpan.FromSeconds(seconds), cause, new CheckpointMeasure(pause, pause, 1 << 20));
    }

    /// <summary>The same stretch again and again, in the mode that is decided, until that is another one.</summary>
    /// <returns>How many it took.</returns>
    public static int UntilChange(this ModeController controller, double seconds, double pauseSec = 0)
    {
        for (var i = 1; i <= 1_000_000; i++)
        {
            if (controller.Add(Of(controller.Current.Mode, seconds, pauseSec)).IsChange)
            {
                return i;
            }
        }

        throw new InvalidOperationException("It stays there for ever.");
    }

    /// <summary>As many of them, in the mode that is decided.</summary>
    public static ModeDecision Add(this ModeController controller, int count, double seconds, double pauseSec = 0)
    {
        for (var i = 0; i < count; i++)
        {
            controller.Add(Of(controller.Current.Mode, seconds, pauseSec));
        }

        return controller.Current;
    }

    public static ModeController Create(this ModeOptions options, int seed = 1) => options.Create(new Random(seed).NextDouble);
}
