using System.Globalization;
using System.Runtime.InteropServices;

namespace Kumoi.Hypervisors.Libvirt.Connections;

/// <summary>
/// What a worker's thread is doing in libvirt, as far as it can be ended from outside: opening a connection by a program (ssh, or what the
/// URI names) waits for that program, for ever if it hangs. Then the program is ended, and the call fails.
/// </summary>
internal sealed partial class BlockingCall
{
    [ThreadStatic]
    private static BlockingCall? _current;

    private readonly Lock _gate = new();
    private int _openingThread; // 0: it opens nothing now
    private bool _isEnded;

    /// <summary>Of this thread; null: nobody can end what it does.</summary>
    public static BlockingCall? Current => _current;

    /// <summary>Runs the thread's work as this call.</summary>
    public void Run(Action work)
    {
        _current = this;
        try
        {
            work();
        }
        finally
        {
            _current = null;
        }
    }

    /// <summary>Opens a connection; fails at once when the call was ended before.</summary>
    public static T Open<T>(Func<T> open)
    {
        if (_current is not { } call)
        {
            return open();
        }

        lock (call._gate)
        {
            ObjectDisposedException.ThrowIf(call._isEnded, typeof(LibvirtLink));
            call._openingThread = OperatingSystem.IsLinux() ? gettid() : 0;
        }

        try
        {
            return open();
        }
        finally
        {
            lock (call._gate)
            {
                call._openingThread = 0;
            }
        }
    }

    /// <summary>Nobody waits for it any more: it opens no connection, and the programs that it started to open one are ended.</summary>
    public void End()
    {
        lock (_gate)
        {
            _isEnded = true;
            if (_openingThread == 0)
            {
                return;
            }

            // libvirt reaps them in that thread, which cannot leave this opening now: the numbers stay theirs. With a child stopped first,
            // it starts no others meanwhile.
            foreach (var child in ReadNumbers(FormattableString.Invariant($"/proc/self/task/{_openingThread}/children")))
            {
                EndTree(child);
            }
        }
    }

    private static void EndTree(int process)
    {
        const int Stop = 19;
        const int Kill = 9;
        _ = kill(process, Stop);
        foreach (var thread in ReadThreads(process))
        {
            foreach (var child in ReadNumbers(FormattableString.Invariant($"/proc/{process}/task/{thread}/children")))
            {
                EndTree(child);
            }
        }

        _ = kill(process, Kill);
    }

    private static IEnumerable<int> ReadThreads(int process)
    {
        try
        {
            return [.. Directory.EnumerateDirectories(FormattableString.Invariant($"/proc/{process}/task"))
                .Select(static path => Parse(Path.GetFileName(path)))];
        }
        catch (IOException)
        {
            return []; // it has ended
        }
    }

    private static IEnumerable<int> ReadNumbers(string file)
    {
        try
        {
            return [.. File.ReadAllText(file).Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(Parse)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return []; // it has ended, or the kernel does not tell
        }
    }

    private static int Parse(string number) => int.Parse(number, NumberStyles.None, CultureInfo.InvariantCulture);

    [LibraryImport("libc")]
    private static partial int gettid();

    [LibraryImport("libc")]
    private static partial int kill(int process, int signal);
}
