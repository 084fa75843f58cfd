namespace Kumoi.Hypervisors.Libvirt.Connections;

/// <summary>
/// The threads of this process for calls that block, on whatever host. Whoever bounds such calls bounds the threads too: here nothing waits
/// for a thread that others need. They end when there was no work for a while.
/// </summary>
/// <remarks>
/// To start a thread waits until it runs, which on a busy computer takes milliseconds. So only one is started at a time, and the next one by
/// it, if there still is work that no thread has taken: hosts that answer at once need a few threads, however many they are.
/// </remarks>
internal static class BlockingThreads
{
    private static readonly TimeSpan IdleTime = TimeSpan.FromSeconds(10);
    private static readonly object Gate = new();
    private static readonly Queue<Action> Waiting = new();
    private static int _idle;
    private static bool _isStarting;

    /// <summary>Runs work, which throws nothing, without waiting for it.</summary>
    public static void Run(Action work)
    {
        lock (Gate)
        {
            Waiting.Enqueue(work);
            if (_idle >= Waiting.Count)
            {
                Monitor.Pulse(Gate);
                return;
            }

            if (_isStarting)
            {
                return;
            }

            _isStarting = true;
        }

        StartOne();
    }

    private static void StartOne()
    {
        try
        {
            new Thread(Work) { IsBackground = true, Name = "kumoi-libvirt" }.Start();
        }
        catch (OutOfMemoryException)
        {
            // There is no room for one: what waits is done by those that there are, or when the next work tries again. Whoever waits for it
            // has a time-out.
            lock (Gate)
            {
                _isStarting = false;
            }
        }
    }

    private static void Work()
    {
        lock (Gate)
        {
            _isStarting = false;
        }

        while (Next(out var needsAnother) is { } work)
        {
            if (needsAnother)
            {
                StartOne();
            }

            work();
        }
    }

    /// <summary>Null: there was none for a while.</summary>
    private static Action? Next(out bool needsAnother)
    {
        lock (Gate)
        {
            while (Waiting.Count == 0)
            {
                _idle++;
                var isPulsed = Monitor.Wait(Gate, IdleTime);
                _idle--;
                if (!isPulsed && Waiting.Count == 0)
                {
                    needsAnother = false;
                    return null;
                }
            }

            var work = Waiting.Dequeue();
            needsAnother = Waiting.Count > _idle && !_isStarting;
            _isStarting |= needsAnother;
            return work;
        }
    }
}
