namespace Kumoi.FaultTolerance.Modes;

/// <summary>
/// The threshold rule of paper 004: how long checkpoint mode lasts grows while COLO is found to be bad on average, and shrinks while it is
/// found to be good. The paper gives no numbers; those here are ours where nothing else is said.
/// </summary>
public sealed record ThresholdModeOptions : ModeOptions
{
    /// <summary>COLO is good when its checkpoints are at least so far apart on average. 1 ms to 1 min. ORBIT's limit is 400 ms.</summary>
    public TimeSpan GoodLength { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>COLO is judged after so many checkpoints. 1 to 1,000. ORBIT judges after 5.</summary>
    public int MinCheckpoints { get; init; } = 20;

    /// <summary>
    /// COLO is found to be bad before that when its checkpoints, were they just good on average, would come so close together by accident
    /// less often than this. 0 to 0.5. 0: it is judged by the average only, as in the paper. Ours: a bad COLO is the dearer the longer it
    /// is looked at.
    /// </summary>
    public double Doubt { get; init; } = 0.02;

    /// <summary>The paper's α: what the time in checkpoint mode is multiplied by when COLO was bad. More than 1, to 100.</summary>
    public double Alpha { get; init; } = 2;

    /// <summary>The paper's β: what it is multiplied by when COLO was good. More than 0, less than 1.</summary>
    public double Beta { get; init; } = 0.5;

    /// <summary>The time in checkpoint mode before anything is known. From the shortest to the longest.</summary>
    public TimeSpan FirstStay { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The time in checkpoint mode is never shorter. 1 s to the longest.</summary>
    public TimeSpan ShortestStay { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The time in checkpoint mode is never longer: so late may COLO be found to be good again. To 1 h.</summary>
    public TimeSpan LongestStay { get; init; } = TimeSpan.FromMinutes(5);

    public override string Name => "Threshold";

    private protected override IEnumerable<string?> Problems() =>
    [
        Outside(nameof(GoodLength), GoodLength, TimeSpan.FromMilliseconds(1), TimeSpan.FromMinutes(1)),
        Outside(nameof(MinCheckpoints), MinCheckpoints, 1, 1000),
        Outside(nameof(Doubt), Doubt, 0, 0.5),
        NotAbove(nameof(Alpha), Alpha, 1, 100),
        Beta is > 0 and < 1 ? null : Words($"{nameof(Beta)} is {Beta}, and must be more than 0 and less than 1"),
        Outside(nameof(LongestStay), LongestStay, TimeSpan.FromSeconds(1), TimeSpan.FromHours(1)),
        Outside(nameof(ShortestStay), ShortestStay, TimeSpan.FromSeconds(1), LongestStay),
        Outside(nameof(FirstStay), FirstStay, ShortestStay, LongestStay),
    ];

    private protected override ModeController Start(Func<double> random) => new ThresholdMode(this);
}
