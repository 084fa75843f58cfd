namespace Kumoi.FaultTolerance.Modes;

/// <summary>One mode for ever.</summary>
/// <param name="Mode">The mode.</param>
public sealed record FixedModeOptions(PairMode Mode) : ModeOptions
{
    public override string Name => Mode is PairMode.Colo ? "COLO" : "Checkpoint";

    private protected override IEnumerable<string?> Problems() =>
        [Enum.IsDefined(Mode) ? null : $"{nameof(Mode)} is {Mode}, and must be {PairMode.Checkpoint} or {PairMode.Colo}"];

    private protected override ModeController Start(Func<double> random) => new FixedMode(this);
}
