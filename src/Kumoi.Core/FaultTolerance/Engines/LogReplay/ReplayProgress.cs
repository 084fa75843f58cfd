using Kumoi.Hypervisors;

namespace Kumoi.FaultTolerance.Engines.LogReplay;

/// <summary>
/// Whether a VM and its replica go on. How fast they do is up to their machines, and says nothing: to make another replica takes longer still
/// on a slow one. So the clock only tells that nothing goes on at all; how much log there has to be, the guest's own time tells.
/// </summary>
/// <param name="count">The instruction at which the VM is.</param>
/// <param name="log">How much of its log the backup has.</param>
/// <param name="patience">How long nothing at all may go on.</param>
/// <param name="time">The clock of that.</param>
internal sealed class ReplayProgress(long count, long log, TimeSpan patience, TimeProvider time)
{
    /// <summary>
    /// A minute of the guest's own time, whose clock goes on by 32 ns with each instruction: in that it is recorded with many lots of log.
    /// </summary>
    internal const long MostWithoutLog = 60_000_000_000 / 32;

    private readonly Lock _lock = new();
    private long _count = count;
    private long _log = log;
    private long _countAtLog = count; // where the VM was when its log came last
    private long _at = time.GetTimestamp(); // when something has last gone on

    /// <summary>The VM was looked at. That more of its log has come is no progress: that of one that stands still grows by each look at it.</summary>
    public void See(long count, long log)
    {
        lock (_lock)
        {
            if (count != _count)
            {
                (_count, _at) = (count, time.GetTimestamp());
            }

            if (log != _log)
            {
                (_log, _countAtLog) = (log, count);
            }
        }
    }

    /// <summary>The replica has gone on, or another wait begins.</summary>
    public void GoOn()
    {
        lock (_lock)
        {
            _at = time.GetTimestamp();
        }
    }

    /// <summary>To be asked before waiting on.</summary>
    /// <exception cref="HypervisorException">There is nothing to wait for any more.</exception>
    public void ThrowIfOver()
    {
        lock (_lock)
        {
            if (time.GetElapsedTime(_at) > patience)
            {
                throw Over(
                    FormattableString.Invariant($"Neither the VM nor its replica has gone on for {patience.TotalSeconds:0.#} s."),
                    "See that the VM runs, and the load of both hosts.");
            }

            if (_count - _countAtLog > MostWithoutLog)
            {
                throw Over(
                    "The VM goes on, and what is recorded of it does not come to the backup.",
                    "See that the pair's folder can be written to, and has room.");
            }
        }
    }

    private static HypervisorException Over(string message, string action) => new(
        message, FaultDomain.VM, isTransient: true, error: HypervisorError.TimedOut, recommendedAction: action);
}
