namespace Kumoi.FaultTolerance.Modes;

/// <summary>
/// Learns which mode is cheaper: a bandit with the two modes as arms and the share of time in which the guest stands still as cost (the
/// outlook of paper 004; the rule and its numbers are ours). It needs no length or rate that tells good from bad.
/// </summary>
public sealed record LearnedModeOptions : ModeOptions
{
    /// <summary>
    /// What learning may cost: by so much the share of time in which the guest stands still may be above that of the better fixed mode.
    /// More than 0, to 0.5. Half of it is for trials, and they keep to it; the other half is for what they misjudge, by chance.
    /// </summary>
    public double ExplorationShare { get; init; } = 0.005;

    /// <summary>A mode is judged by so many checkpoints, but for what is beyond doubt before. 1 to 100.</summary>
    public int MinCheckpoints { get; init; } = 10;

    /// <summary>A mode that is tried out is judged at the latest after this time, and a checkpoint. 1 s to 10 min.</summary>
    public TimeSpan LongestTrial { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>A mode that was chosen is not left before. 1 s to 1 h.</summary>
    public TimeSpan ShortestStay { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// A mode is found to be dearer when its checkpoints would come so close together by accident less often than this. More than 0, to
    /// 0.5. Small: what is not worse is not left by accident; large: what is worse is left sooner.
    /// </summary>
    public double Doubt { get; init; } = 0.0003;

    public override string Name => "Learned";

    private protected override IEnumerable<string?> Problems() =>
    [
        NotAbove(nameof(ExplorationShare), ExplorationShare, 0, 0.5),
        Outside(nameof(MinCheckpoints), MinCheckpoints, 1, LearnedCost.Remembered),
        Outside(nameof(LongestTrial), LongestTrial, TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(10)),
        Outside(nameof(ShortestStay), ShortestStay, TimeSpan.FromSeconds(1), TimeSpan.FromHours(1)),
        NotAbove(nameof(Doubt), Doubt, 0, 0.5),
    ];

    private protected override ModeController Start(Func<double> random) => new LearnedMode(this, random);
}
