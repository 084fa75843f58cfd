namespace Kumoi.Speculation.Reliability;

/// <summary>
/// The predicted success of an operation on several targets. Racks fail independently; within one, a share of the failures is common to
/// all: the beta-factor model (Fleming 1975; IEC 61508-6, annex D).
/// </summary>
public static class ReplicaPrediction
{
    /// <summary>The share of a target's failures that hit all targets of its rack, 0..1: the model's beta.</summary>
    public const double CommonCauseRatio = 0.5;

    /// <summary>The probability that the operation succeeds on one of the targets at least, 0..1; 0 of none.</summary>
    public static double Success(ReadOnlySpan<ReplicaCandidate> targets)
    {
        var allFail = 1.0;
        for (var i = 0; i < targets.Length; i++)
        {
            if (targets[i].Rack is not { } rack)
            {
                allFail *= 1 - targets[i].Success;
            }
            else if (!HasRack(targets[..i], rack))
            {
                allFail *= RackFails(targets[i..], rack);
            }
        }

        return 1 - allFail;
    }

    private static bool HasRack(ReadOnlySpan<ReplicaCandidate> targets, string rack)
    {
        foreach (var target in targets)
        {
            if (target.Rack == rack)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>All targets of the rack fail: for the common cause, or else each for a reason of its own.</summary>
    private static double RackFails(ReadOnlySpan<ReplicaCandidate> targets, string rack)
    {
        // The most reliable target bounds what can be common to all.
        var (least, count) = (1.0, 0);
        foreach (var target in targets)
        {
            if (target.Rack == rack)
            {
                least = Math.Min(least, 1 - target.Success);
                count++;
            }
        }

        if (count == 1)
        {
            return least;
        }

        var common = CommonCauseRatio * least;
        var own = 1.0;
        foreach (var target in targets)
        {
            if (target.Rack == rack)
            {
                own *= (1 - target.Success - common) / (1 - common);
            }
        }

        return common + ((1 - common) * own);
    }
}
