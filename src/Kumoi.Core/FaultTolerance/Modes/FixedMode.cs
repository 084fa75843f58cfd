namespace Kumoi.FaultTolerance.Modes;

/// <summary>Stays in the mode that was asked for.</summary>
internal sealed class FixedMode(FixedModeOptions options) : ModeController(options.Mode, PeriodOf(options), Why)
{
    private const string Why = "the mode was given";

    private protected override (PairMode Mode, TimeSpan Period, string Reason) Decide(ModeStretch stretch) =>
        (options.Mode, PeriodOf(options), Why);

    private static TimeSpan PeriodOf(FixedModeOptions options) =>
        options.Mode is PairMode.Colo ? options.ColoPeriod : options.CheckpointPeriod;
}
