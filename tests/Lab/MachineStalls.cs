using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Kumoi.Tests.Lab;

/// <summary>
/// When this machine itself stood still: a computer in a cloud may use its processors only up to a share, and then stands still for tens of
/// milliseconds. Seen by one thread for each processor, before which no other comes (SCHED_FIFO, for which the lab's user has the right):
/// when even these wake up late, whatever else ran was late too.
/// </summary>
/// <remarks>Source: sched(7).</remarks>
internal sealed partial class MachineStalls : IDisposable
{
    private const int Fifo = 1;

    private static readonly TimeSpan Sleep = TimeSpan.FromMilliseconds(4);

    /// <summary>Below that it is a timer that is not exact.</summary>
    private static readonly TimeSpan Late = TimeSpan.FromMilliseconds(15);

    private readonly Lock _lock = new();
    private readonly List<(long From, long To)> _stalls = [];
    private volatile bool _isOver;

    public MachineStalls()
    {
        for (var processor = 0; processor < Math.Min(Environment.ProcessorCount, 64); processor++)
        {
            var own = 1UL << processor;
            new Thread(() => Watch(own)) { IsBackground = true, Name = "machine-stalls" }.Start();
        }
    }

    /// <summary>Whether it stood still in between, by <see cref="Stopwatch"/>'s stamps.</summary>
    public bool IsAny(long from, long to)
    {
        lock (_lock)
        {
            return _stalls.Exists(stall => stall.From < to && stall.To > from);
        }
    }

    public void Dispose() => _isOver = true;

    private void Watch(ulong processor)
    {
        var priority = 50;
        if (SetAffinity(0, sizeof(ulong), ref processor) != 0 || SetScheduler(0, Fifo, ref priority) != 0)
        {
            return; // nothing is known then, and every figure counts
        }

        var last = Stopwatch.GetTimestamp();
        while (!_isOver)
        {
            Thread.Sleep(Sleep);
            var now = Stopwatch.GetTimestamp();
            if (Stopwatch.GetElapsedTime(last, now) > Late)
            {
                lock (_lock)
                {
                    _stalls.Add((last, now));
                }
            }

            last = now;
        }
    }

    [LibraryImport("libc", EntryPoint = "sched_setaffinity")]
    private static partial int SetAffinity(int thread, nuint size, ref ulong processors);

    [LibraryImport("libc", EntryPoint = "sched_setscheduler")]
    private static partial int SetScheduler(int thread, int policy, ref int priority);
}
