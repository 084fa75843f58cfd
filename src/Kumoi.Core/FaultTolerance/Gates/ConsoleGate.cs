using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Kumoi.FaultTolerance.Gates;

/// <summary>
/// Where a VM's console is connected to: takes all that it puts out, and lets it out only as far as a checkpoint covers it. QEMU connects
/// to its socket, which is for this user only.
/// </summary>
/// <remarks>
/// Positions are counted from the beginning of the pair, over all hosts. While more is held than the limit nothing is read, and the guest's
/// console waits; what the guest has put out before a cut is read nevertheless.
/// </remarks>
internal sealed class ConsoleGate : IDisposable
{
    private const int ReadBytes = 64 * 1024;

    private static readonly TimeSpan LongestPoll = TimeSpan.FromMilliseconds(100);

    /// <summary>A process closes its sockets a little before it has ended.</summary>
    private static readonly TimeSpan EndPatience = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly ConsoleLog _log;
    private readonly int _maxHeldBytes;
    private readonly Socket _listener;
    private readonly string _path;
    private readonly CancellationTokenSource _ended = new();
    private readonly byte[] _read = new byte[ReadBytes];
    private readonly List<byte> _held = [];
    private readonly Task _running;
    private readonly TaskCompletionSource _connected = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<Guid> _processEnded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource _room = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _from;
    private Socket? _peer;
    private bool _hadPeer;
    private bool _isOpen;

    /// <summary>Listens at once.</summary>
    /// <param name="path">
    /// The socket. A file that is there is replaced: it is of a dead controller, because the pair has one only.
    /// </param>
    /// <param name="log">Where the output goes. It stays the caller's.</param>
    /// <param name="from">The position of what the VM puts out first.</param>
    /// <param name="maxHeldBytes">
    /// How much is held before the guest's console waits; <see cref="int.MaxValue"/>: never, and it is read with all haste.
    /// </param>
    public ConsoleGate(string path, ConsoleLog log, long from, int maxHeldBytes)
    {
        _path = path;
        _log = log;
        _from = from;
        _maxHeldBytes = maxHeldBytes;
        _listener = UserSocket.Listen(path);
        _running = RunAsync();
    }

    /// <summary>
    /// All output since the gate was made was taken. It is not when the console was connected a second time: in between the VM put out what
    /// went nowhere.
    /// </summary>
    public bool IsWhole { get; private set; } = true;

    /// <summary>A console has been connected.</summary>
    public Task Connected => _connected.Task;

    /// <summary>
    /// The QEMU whose console was connected is known to have ended: the id of its domain. That of a QEMU which is not seen from here never
    /// is.
    /// </summary>
    public Task<Guid> ProcessEnded => _processEnded.Task;

    /// <summary>The position up to which output was taken.</summary>
    public long Position
    {
        get
        {
            lock (_lock)
            {
                return _from + _held.Count;
            }
        }
    }

    /// <summary>How much is held.</summary>
    public int HeldBytes
    {
        get
        {
            lock (_lock)
            {
                return _held.Count;
            }
        }
    }

    /// <summary>
    /// Takes all that was put out until now: while the guest is stopped, all that it has put out. Returns the position after it.
    /// </summary>
    public long Drain()
    {
        lock (_lock)
        {
            while (_peer is not null && ReadOnce())
            {
                // More may be there.
            }

            return _from + _held.Count;
        }
    }

    /// <summary>
    /// While the guest is stopped for a checkpoint: takes all that it has put out, and holds what it puts out from then on. Returns the
    /// position in between.
    /// </summary>
    public long Cut()
    {
        lock (_lock)
        {
            var position = Drain();
            _isOpen = false;
            return position;
        }
    }

    /// <summary>The VM, which has put out nothing here yet, goes on with that position.</summary>
    public void BeginAt(long from)
    {
        lock (_lock)
        {
            _from = from;
        }
    }

    /// <summary>What is held, up to a position, with the position of its first byte.</summary>
    public (long From, byte[] Output) Read(long to)
    {
        lock (_lock)
        {
            return (_from, CollectionsMarshal.AsSpan(_held)[..(int)(to - _from)].ToArray());
        }
    }

    /// <summary>Lets out what is held up to a position.</summary>
    public void Release(long to)
    {
        lock (_lock)
        {
            var count = (int)Math.Clamp(to - _from, 0, _held.Count);
            _log.Append(_from, CollectionsMarshal.AsSpan(_held)[..count]);
            _held.RemoveRange(0, count);
            _from += count;
            _room.TrySetResult();
        }
    }

    /// <summary>Lets out all that is held, and from now on everything at once; or, with false, holds from now on.</summary>
    public void Open(bool isOpen)
    {
        lock (_lock)
        {
            _isOpen = isOpen;
            if (isOpen)
            {
                Release(_from + _held.Count);
            }
        }
    }

    public void Dispose()
    {
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
            var process = ConsoleProcess.Of(peer);
            if (_maxHeldBytes == int.MaxValue)
            {
                process?.GiveRoom(_path);
            }

            lock (_lock)
            {
                IsWhole &= !_hadPeer;
                _hadPeer = true;
                _peer = peer;
            }

            _connected.TrySetResult();
            try
            {
                await (_maxHeldBytes < int.MaxValue ? TakeAsync(peer) : Task.Factory.StartNew(
                    () => TakeAtOnce(peer), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default));
            }
            finally
            {
                _ = Task.Run(() => FindEnd(process)); // the next one, if there is one, must not wait for that
            }
        }
    }

    private void FindEnd(ConsoleProcess? process)
    {
        using (process)
        {
            if (!_ended.IsCancellationRequested && process?.WaitForEnd(EndPatience) is true)
            {
                _processEnded.TrySetResult(process.Domain);
            }
        }
    }

    /// <summary>
    /// By a thread of its own, for a console that must never wait: its socket takes no more than some 270 bytes that were written one by
    /// one.
    /// </summary>
    private void TakeAtOnce(Socket peer)
    {
        try
        {
            while (!_ended.IsCancellationRequested)
            {
                if (peer.Poll(LongestPoll, SelectMode.SelectRead))
                {
                    lock (_lock)
                    {
                        if (_peer is null || (!ReadOnce() && _peer is null))
                        {
                            return;
                        }
                    }
                }
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            lock (_lock)
            {
                Forget();
            }
        }
    }

    private async Task TakeAsync(Socket peer)
    {
        try
        {
            while (true)
            {
                await peer.ReceiveAsync(Memory<byte>.Empty, _ended.Token); // until there is something, or its end
                Task room;
                lock (_lock)
                {
                    if (_peer is null || !ReadOnce() && _peer is null)
                    {
                        return;
                    }

                    if (_held.Count < _maxHeldBytes)
                    {
                        continue;
                    }

                    _room = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                    room = _room.Task;
                }

                await room.WaitAsync(_ended.Token);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            lock (_lock)
            {
                Forget();
            }
        }
    }

    /// <summary>Takes what is there; false: nothing, or the connection has ended.</summary>
    private bool ReadOnce()
    {
        var count = _peer!.Receive(_read, SocketFlags.None, out var error);
        if (error is SocketError.WouldBlock)
        {
            return false;
        }

        if (error is not SocketError.Success || count == 0)
        {
            Forget();
            return false;
        }

        _held.AddRange(_read.AsSpan(0, count));
        if (_isOpen)
        {
            Release(_from + _held.Count);
        }

        return true;
    }

    private void Forget()
    {
        _peer?.Dispose();
        _peer = null;
    }
}
