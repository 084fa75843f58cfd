namespace Kumoi.FaultTolerance.Modes;

/// <summary>
/// Tries each mode, keeps to the cheaper one, and tries the other again at random times, so that no rhythm of the guest can hide from it
/// what that would cost; as often as its share allows.
/// </summary>
/// <remarks>
/// Trials cost no more than their share of the time, but for the first of each mode and one more. For the rest it is in the mode that was
/// cheaper when both were last seen. What is known of a mode is of its last stay: what was before is out of date when it comes
/// back. A mode that was chosen is left for good only when it is dearer beyond doubt: else the mode whose cost varies more would be left
/// by accident again and again, and come back to by rare trials only.
/// </remarks>
internal sealed class LearnedMode(LearnedModeOptions options, Func<double> random)
    : ModeController(PairMode.Colo, Shorter(options.ColoPeriod, options.LongestTrial), "tries COLO")
{
    private readonly LearnedCost _colo = new();
    private readonly LearnedCost _checkpoint = new();
    private bool _isTrial = true;
    private TimeSpan _stayed; // in this mode, since it was changed to
    private int _count;
    private TimeSpan _lost; // what trials have cost more than the other mode would have, but for the first of each mode
    private TimeSpan _nextTrial;

    /// <summary>The rest is for what trials misjudge.</summary>
    private double TrialShare => options.ExplorationShare / 2;

    private protected override (PairMode Mode, TimeSpan Period, string Reason) Decide(ModeStretch stretch)
    {
        var mode = stretch.Mode;
        var (own, other) = Costs(mode);
        own.Add(stretch);
        _stayed += stretch.Elapsed;
        _count++;
        if (_isTrial)
        {
            return _count < options.MinCheckpoints && _stayed < options.LongestTrial && !IsWorse(own, other, own.Count)
                ? Stay(mode, $"tries {Name(mode)}")
                : EndTrial(mode);
        }

        if (_stayed < options.ShortestStay || _count < options.MinCheckpoints)
        {
            return Stay(mode, Compared(mode));
        }

        // The last few find out that the guest has changed; all of them, that the choice was an accident.
        foreach (var count in (ReadOnlySpan<int>)[options.MinCheckpoints, own.Count])
        {
            if (IsWorse(own, other, count))
            {
                own.Keep(count);
                return Change(Other(mode), isTrial: false, Compared(Other(mode)));
            }
        }

        return Now >= _nextTrial && _lost <= TrialShare * Now
            ? Change(Other(mode), isTrial: true, $"tries {Name(Other(mode))}")
            : Stay(mode, Compared(mode));
    }

    private (PairMode Mode, TimeSpan Period, string Reason) EndTrial(PairMode mode)
    {
        var (own, other) = Costs(mode);
        if (other.Count == 0)
        {
            return Change(Other(mode), isTrial: true, $"tries {Name(Other(mode))}");
        }

        // Trials that cost as much, at random, fill the share in the long run.
        var lost = own.LostAgainst(other.Ratio);
        _lost += _nextTrial > TimeSpan.Zero ? lost : TimeSpan.Zero; // else it was the first of its mode
        var wait = -Math.Log(1 - random()) * lost / TrialShare;
        _nextTrial = Now + (wait > options.ShortestStay ? wait : options.ShortestStay);
        _isTrial = false;
        return other.Ratio < own.Ratio ? Change(Other(mode), isTrial: false, Compared(Other(mode))) : Stay(mode, Compared(mode));
    }

    private (PairMode Mode, TimeSpan Period, string Reason) Change(PairMode mode, bool isTrial, string reason)
    {
        (_isTrial, _stayed, _count) = (isTrial, TimeSpan.Zero, 0);
        Costs(mode).Own.BeginAnew();
        return Stay(mode, reason);
    }

    private (PairMode Mode, TimeSpan Period, string Reason) Stay(PairMode mode, string reason)
    {
        if (mode is PairMode.Checkpoint)
        {
            return (mode, options.CheckpointPeriod, reason);
        }

        return (mode, _isTrial ? Shorter(options.ColoPeriod, options.LongestTrial - _stayed) : options.ColoPeriod, reason);
    }

    private bool IsWorse(LearnedCost own, LearnedCost other, int count) =>
        other.Count > 0 && own.LikelihoodOfAccident(count, other.Ratio) < options.Doubt;

    private string Compared(PairMode mode)
    {
        var (own, other) = Costs(mode);
        return Words($"the guest stands still {own.Ratio:P1} of its time in {Name(mode)}, {other.Ratio:P1} in {Name(Other(mode))}");
    }

    private (LearnedCost Own, LearnedCost Other) Costs(PairMode mode) =>
        mode is PairMode.Colo ? (_colo, _checkpoint) : (_checkpoint, _colo);

    private static PairMode Other(PairMode mode) => mode is PairMode.Colo ? PairMode.Checkpoint : PairMode.Colo;

    private static TimeSpan Shorter(TimeSpan one, TimeSpan other) => one < other ? one : other;
}
