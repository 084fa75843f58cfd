using Kumoi.FaultTolerance.Gates;
using Kumoi.FaultTolerance.Protocols;

namespace Kumoi.FaultTolerance.Engines.Colo;

/// <summary>
/// Compares what a VM and its standby, which runs along since a checkpoint, put out at their consoles. What both have put out goes out at
/// once: whichever of them goes on, it has put that out.
/// </summary>
internal sealed class ConsoleComparison(ConsoleGate primary, StandbyLog standby, CheckpointMark since, TimeProvider time)
{
    /// <summary>How long output of one of them may lack the other's.</summary>
    internal static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private long _agreedAt = time.GetTimestamp();

    /// <summary>Lets out what is equal. False: the two are not the same any more, or one of them lags too far behind.</summary>
    public bool Look()
    {
        var (from, mine) = primary.Read(primary.Position);
        ReadOnlySpan<byte> theirs = standby.Read(since.Standby!.Value, since.StandbyOutput + (from - since.Cut));
        var equal = theirs.CommonPrefixLength(mine);
        if (equal > 0)
        {
            primary.Release(from + equal);
        }

        if (equal > 0 || mine.Length == 0 && theirs.Length == 0)
        {
            _agreedAt = time.GetTimestamp();
        }

        return equal == Math.Min(mine.Length, theirs.Length) && time.GetElapsedTime(_agreedAt) < Patience;
    }
}
