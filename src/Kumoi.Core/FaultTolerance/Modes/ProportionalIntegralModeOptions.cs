namespace Kumoi.FaultTolerance.Modes;

/// <summary>
/// The controller of paper 004: from the wanted and the measured checkpoints per second follows the share of the next control period in
/// checkpoint mode, ρ = clamp(Kp·e + Ki·Σe·dt, 0, 1) with e = measured − wanted. The paper leaves the numbers to its user; those here are
/// ours.
/// </summary>
public sealed record ProportionalIntegralModeOptions : ModeOptions
{
    /// <summary>
    /// The paper's sp: wanted checkpoints per second. 0.01 to 100. Null: <see cref="Margin"/> more than checkpoint mode itself makes, as it
    /// is measured. With less than that the controller stays there for ever, whatever the guest does; with much more it keeps a guest in
    /// COLO that does badly there.
    /// </summary>
    public double? SetPoint { get; init; }

    /// <summary>Without a set-point: how much more than checkpoint mode itself makes is wanted. 0.001 to 1.</summary>
    public double Margin { get; init; } = 0.02;

    /// <summary>The paper's Kp: share for each checkpoint per second too many. 0 to 10.</summary>
    public double Kp { get; init; } = 0.05;

    /// <summary>The paper's Ki: share for each checkpoint too many. More than 0, to 10.</summary>
    public double Ki { get; init; } = 0.05;

    /// <summary>How often the share is chosen. 1 s to 10 min.</summary>
    public TimeSpan ControlPeriod { get; init; } = TimeSpan.FromSeconds(10);

    public override string Name => "Proportional-integral";

    private protected override IEnumerable<string?> Problems() =>
    [
        SetPoint is { } wanted ? Outside(nameof(SetPoint), wanted, 0.01, 100) : null,
        Outside(nameof(Margin), Margin, 0.001, 1),
        Outside(nameof(Kp), Kp, 0, 10),
        NotAbove(nameof(Ki), Ki, 0, 10),
        Outside(nameof(ControlPeriod), ControlPeriod, TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(10)),
    ];

    private protected override ModeController Start(Func<double> random) => new ProportionalIntegralMode(this);
}
