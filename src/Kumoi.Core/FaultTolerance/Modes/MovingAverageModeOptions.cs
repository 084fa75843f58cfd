namespace Kumoi.FaultTolerance.Modes;

/// <summary>
/// The rule of ORBIT's hybrid (QEMU of its project, migration/colo.c): COLO until the weighted mean of its lengths is too short, then
/// checkpoint mode for a number of checkpoints. Without changes it is that rule exactly, with its numbers.
/// </summary>
public sealed record MovingAverageModeOptions : ModeOptions
{
    /// <summary>
    /// The mean begins at 0, so after n lengths it is too small by a factor of 1 − 0.7ⁿ. True: it is divided by that. False: as in ORBIT.
    /// </summary>
    public bool IsBiasCorrected { get; init; }

    /// <summary>Below this mean COLO is left. 1 ms to 1 min. ORBIT's is 400 ms.</summary>
    public TimeSpan Limit { get; init; } = TimeSpan.FromMilliseconds(400);

    /// <summary>So many lengths are needed to judge. 1 to 1,000. ORBIT's are 5.</summary>
    public int MinCheckpoints { get; init; } = 5;

    /// <summary>So many checkpoints are made before COLO is tried again. 1 to 1,000,000. ORBIT's are 100.</summary>
    public int StayCheckpoints { get; init; } = 100;

    public override string Name => IsBiasCorrected ? "Moving average, corrected" : "Moving average (ORBIT)";

    private protected override IEnumerable<string?> Problems() =>
    [
        Outside(nameof(Limit), Limit, TimeSpan.FromMilliseconds(1), TimeSpan.FromMinutes(1)),
        Outside(nameof(MinCheckpoints), MinCheckpoints, 1, 1000),
        Outside(nameof(StayCheckpoints), StayCheckpoints, 1, 1_000_000),
    ];

    private protected override ModeController Start(Func<double> random) => new MovingAverageMode(this);
}
