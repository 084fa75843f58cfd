using Kumoi.FaultTolerance.Modes;

namespace Kumoi;

/// <summary>From when on a pair was in a mode, and why.</summary>
/// <param name="At">When the checkpoint was committed after which it was so.</param>
/// <param name="Mode">How the backup followed from then on.</param>
/// <param name="Reason">In words for an admin.</param>
public sealed record KumoiFtModeChange(DateTimeOffset At, PairMode Mode, string Reason)
{
    public override string ToString() => $"{At:HH:mm:ss} {Mode}: {Reason}";
}
