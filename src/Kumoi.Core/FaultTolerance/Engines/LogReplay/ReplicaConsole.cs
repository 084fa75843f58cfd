using System.Net.Sockets;
using Kumoi.FaultTolerance.Gates;

namespace Kumoi.FaultTolerance.Engines.LogReplay;

/// <summary>
/// Where the console of a replica is connected to: it puts out again what the primary puts out. All is read at once, since a console that
/// has to wait would run otherwise than what is replayed.
/// </summary>
internal sealed class ReplicaConsole : IDisposable
{
    private static readonly TimeSpan LongestPoll = TimeSpan.FromMilliseconds(100);

    private readonly Lock _lock = new();
    private readonly Socket _listener;
    private readonly string _path;
    private readonly CancellationTokenSource _ended = new();
    private readonly byte[] _read = new byte[64 * 1024];
    private readonly List<byte> _held = [];
    private readonly TaskCompletionSource _connected = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _running;
    private Socket? _peer;
    private long? _from;
    private long _before;

    public ReplicaConsole(string path)
    {
        _path = path;
        _listener = UserSocket.Listen(path);
        _running = RunAsync();
    }

    /// <summary>The console has been connected.</summary>
    public Task Connected => _connected.Task;

    /// <summary>
    /// The replica stands where the VM had put out so much; what it put out before has gone out, or was lost. Returns how much that was,
    /// since the recording's beginning.
    /// </summary>
    public long BeginAt(long position)
    {
        lock (_lock)
        {
            Drain();
            _held.Clear();
            _from = position;
            return _before;
        }
    }

    /// <summary>What is held from one position to another, by default to its end; null: it has not put out so much.</summary>
    public byte[]? Read(long from, long? to = null)
    {
        lock (_lock)
        {
            Drain();
            var first = (int)(from - _from!.Value);
            var end = to is { } last ? (int)(last - _from.Value) : _held.Count;
            return first < 0 || end > _held.Count ? null : [.. _held[first..end]];
        }
    }

    /// <summary>The position up to which it has put out.</summary>
    public long End
    {
        get
        {
            lock (_lock)
            {
                Drain();
                return _from!.Value + _held.Count;
            }
        }
    }

    /// <summary>What has gone out is not needed any more.</summary>
    public void Forget(long to)
    {
        lock (_lock)
        {
            var count = (int)Math.Clamp(to - _from!.Value, 0, _held.Count);
            _held.RemoveRange(0, count);
            _from += count;
        }
    }

    public void Dispose()
    {
        if (_ended.IsCancellationRequested)
        {
            return; // what is at its path by now is another one's
        }

        _ended.Cancel();
        _listener.Dispose();
        lock (_lock)
        {
            _peer?.Dispose();
            _peer = null;
        }

        File.Delete(_path);
        _ = _running.ContinueWith(static ended => ended.Exception, TaskScheduler.Default);
    }

    private async Task RunAsync()
    {
        while (!_ended.IsCancellationRequested)
        {
            var peer = await _listener.AcceptAsync(_ended.Token);
            peer.Blocking = false;
            using (var process = ConsoleProcess.Of(peer))
            {
                process?.GiveRoom(_path);
            }

            lock (_lock)
            {
                _peer = peer;
            }

            _connected.TrySetResult();
            try
            {
                await Task.Factory.StartNew(
                    () => Take(peer), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // The replica has ended.
            }
        }
    }

    /// <summary>By a thread of its own: a socket takes no more than some 270 bytes that were written one by one.</summary>
    private void Take(Socket peer)
    {
        while (!_ended.IsCancellationRequested)
        {
            if (peer.Poll(LongestPoll, SelectMode.SelectRead))
            {
                lock (_lock)
                {
                    Drain();
                    if (_peer is null)
                    {
                        return;
                    }
                }
            }
        }
    }

    /// <summary>Takes all that is there: of a replica that stands still, all that it has put out.</summary>
    private void Drain()
    {
        while (_peer is { } peer)
        {
            var count = peer.Receive(_read, SocketFlags.None, out var error);
            if (error is SocketError.WouldBlock)
            {
                return;
            }

            if (error is not SocketError.Success || count == 0)
            {
                peer.Dispose();
                _peer = null;
                return;
            }

            if (_from is not null)
            {
                _held.AddRange(_read.AsSpan(0, count));
            }
            else
            {
                _before += count;
            }
        }
    }
}
