using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Threading.Channels;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Libvirt;
using Kumoi.Hypervisors.Libvirt.Migrations;

namespace Kumoi.Relaying;

/// <summary>
/// Copies the one stream of a migration's source to several targets, and merges what they answer into one return path.
/// <para>
/// The source goes at the pace of the fastest target. It never waits for another one: who falls behind the fastest by more than its buffer
/// is dropped at once. The last one left is the fastest.
/// </para>
/// <para>
/// The source hears the longest return path that any target has said, message by message; so the death of any of them is covered. A
/// target's SHUT(0) says that it has the whole state. With no target left the source's connection is closed.
/// </para>
/// <para>
/// A source that ends before any target has the whole state is no target's failure: what they do about it is not held against them.
/// </para>
/// </summary>
internal sealed class MigrationRelay : IDisposable
{
    private const int ReadBytes = 256 << 10;
    private const int LeastReadBytes = 64 << 10; // less room than that in a buffer is not worth a read
    private const int PaceBytes = 1 << 20;       // what may wait for the fastest
    private const int MostSaidBytes = 1 << 20;   // a pre-copy migration's return path has some 20

    private readonly Lock _gate = new();
    private readonly Socket _listener;
    private readonly Func<IPAddress, bool> _isSource;
    private readonly ReplicaBudget _budget;
    private readonly TimeSpan _hearingPatience;
    private readonly TimeProvider _time;
    private readonly RelayTarget[] _targets;
    private readonly List<RelayTarget> _complete = [];
    private readonly List<byte> _said = []; // the merged return path
    private readonly Channel<byte[]> _toSource = Channel.CreateUnbounded<byte[]>(new UnboundedChannelOptions { SingleReader = true });
    private readonly TaskCompletionSource _noneLeft = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Something has changed that the source may be waiting for.</summary>
    private readonly Channel<bool> _room =
        Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    private volatile IPAddress? _refused;
    private volatile bool _hasSourceEnded; // before any target had the whole state
    private volatile SocketException? _sourceLoss;
    private long _received;

    /// <summary>Listens at once, on a port that the system chooses.</summary>
    /// <param name="address">Where.</param>
    /// <param name="isSource">Who may connect: others are turned away.</param>
    /// <param name="targets">Names, and where they wait for the stream.</param>
    /// <param name="budget">When a target is given up.</param>
    /// <param name="hearingPatience">How long the source may leave unacknowledged what it is told; where this computer's system can tell.</param>
    /// <param name="time">The clock of the budget.</param>
    /// <exception cref="SocketException">The address is not of this computer.</exception>
    public MigrationRelay(
        IPAddress address,
        Func<IPAddress, bool> isSource,
        IEnumerable<(string Name, EndPoint EndPoint)> targets,
        ReplicaBudget budget,
        TimeSpan hearingPatience,
        TimeProvider time)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(budget.BufferBytes, 4, nameof(budget));
        _isSource = isSource;
        _targets = [.. targets.Select(static target => new RelayTarget(target.Name, target.EndPoint))];
        _budget = budget;
        _hearingPatience = hearingPatience;
        _time = time;
        _listener = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            _listener.Bind(new IPEndPoint(address, 0));
            _listener.Listen(1);
        }
        catch
        {
            _listener.Dispose();
            throw;
        }

        EndPoint = (IPEndPoint)_listener.LocalEndPoint!;
    }

    /// <summary>Where the source is to connect.</summary>
    public IPEndPoint EndPoint { get; }

    /// <summary>Completes when every target was given up.</summary>
    public Task NoneLeft => _noneLeft.Task;

    /// <summary>How many bytes the source has sent.</summary>
    public long ReceivedBytes => Volatile.Read(ref _received);

    /// <summary>Who was turned away last; null: nobody.</summary>
    public IPAddress? Refused => _refused;

    /// <summary>How the source's connection broke before any target had the whole state; null: it did not.</summary>
    public SocketException? SourceLoss => _sourceLoss;

    /// <summary>The source's connection broke because the source does not acknowledge what it is told.</summary>
    public bool IsSourceDeaf => _sourceLoss?.SocketErrorCode is SocketError.TimedOut;

    /// <summary>The numbers of the targets that have the whole state, in the order in which they said so.</summary>
    public IReadOnlyList<int> Complete
    {
        get
        {
            lock (_gate)
            {
                return [.. _complete.Select(target => Array.IndexOf(_targets, target))];
            }
        }
    }

    public IReadOnlyList<ReplicaProgress> ReadProgress() => [.. _targets.Select(static target => target.Read())];

    /// <summary>
    /// Relays one connection. Returns when both sides have ended, when no target is left, or when it is cancelled; every connection is
    /// closed then.
    /// </summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task[] takers = [.. _targets.Select(target => Part(() => ServeAsync(target, stop.Token), stop))];
        var limits = Part(() => WatchLimitsAsync(stop.Token), stop);
        var source = Part(() => ServeSourceAsync(Task.WhenAll(takers), stop.Token), stop);
        await Task.WhenAny(source, _noneLeft.Task);
        await stop.CancelAsync();
        await Task.WhenAll([source, limits, .. takers]);
        foreach (var target in _targets)
        {
            target.End();
            target.Clear();
        }
    }

    public void Dispose()
    {
        _listener.Dispose();
        foreach (var target in _targets)
        {
            target.Dispose();
        }
    }

    /// <summary>A part of the work. It ends with the whole; what it does not expect ends the whole.</summary>
    private static async Task Part(Func<Task> work, CancellationTokenSource stop)
    {
        try
        {
            await work();
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // It was told to end.
        }
        catch
        {
            await stop.CancelAsync();
            throw;
        }
    }

    private async Task ServeSourceAsync(Task takers, CancellationToken stop)
    {
        using var source = await AcceptAsync(stop);
        source.NoDelay = true;
        EndWhenDeaf(source);
        var answering = AnswerAsync(source, stop);
        await ReadAsync(source, stop);
        foreach (var target in _targets)
        {
            target.End();
        }

        await takers;
        _toSource.Writer.TryComplete();
        await answering;
    }

    /// <summary>
    /// A source that does not hear would wait for ever, or go on sending for ever; whether it has heard is known by TCP only. (Linux's tcp(7),
    /// TCP_USER_TIMEOUT; elsewhere it is found out by what the source does.)
    /// </summary>
    private void EndWhenDeaf(Socket source)
    {
        if (OperatingSystem.IsLinux())
        {
            const int IPProtoTcp = 6;
            const int TcpUserTimeout = 18;
            var milliseconds = (int)Math.Clamp(_hearingPatience.TotalMilliseconds, 1, int.MaxValue); // 0 would be the system's own
            source.SetRawSocketOption(IPProtoTcp, TcpUserTimeout, MemoryMarshal.AsBytes(new ReadOnlySpan<int>(in milliseconds)));
        }
    }

    /// <summary>What the source has sent is of no use to a target that does not have all of it by now, and it is not the target's fault.</summary>
    private void EndSource(SocketException? loss)
    {
        lock (_gate)
        {
            if (_complete.Count == 0)
            {
                _sourceLoss ??= loss;
                _hasSourceEnded = true;
            }
        }
    }

    private async Task<Socket> AcceptAsync(CancellationToken stop)
    {
        try
        {
            while (true)
            {
                var caller = await _listener.AcceptAsync(stop);
                var address = ((IPEndPoint)caller.RemoteEndPoint!).Address;
                if (_isSource(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address))
                {
                    return caller;
                }

                _refused = address;
                caller.Dispose();
            }
        }
        finally
        {
            _listener.Dispose();
        }
    }

    private async Task ReadAsync(Socket source, CancellationToken stop)
    {
        var readBytes = Math.Min(ReadBytes, _budget.BufferBytes / 4);
        var paceBytes = Math.Min(PaceBytes, _budget.BufferBytes / 2);
        var buffer = RelayBuffer.Rent(readBytes);
        try
        {
            while (true)
            {
                if (buffer.Free.Length < Math.Min(LeastReadBytes, readBytes))
                {
                    buffer.Release();
                    buffer = RelayBuffer.Rent(readBytes);
                }

                var free = buffer.Free;
                var length = await source.ReceiveAsync(free[..Math.Min(free.Length, readBytes)], stop);
                if (length == 0)
                {
                    EndSource(null);
                    return;
                }

                var slice = new RelaySlice(buffer, buffer.Length, length);
                buffer.Advance(length);
                Interlocked.Add(ref _received, length);
                await PaceAsync(paceBytes, stop);
                await SpreadAsync(slice, stop);
            }
        }
        catch (SocketException e)
        {
            EndSource(e);
        }
        finally
        {
            buffer.Release();
        }
    }

    private async ValueTask SpreadAsync(RelaySlice slice, CancellationToken stop)
    {
        foreach (var target in _targets)
        {
            while (target.Dropped is null && target.WaitingBytes + slice.Length > _budget.BufferBytes)
            {
                if (target.HasAll)
                {
                    Unsay(target);
                }
                else if (target.IsBlocked && IsBehindAnother(target))
                {
                    Drop(target, string.Create(CultureInfo.InvariantCulture, $"it fell behind by more than its buffer of {_budget.BufferBytes} bytes"));
                }
                else
                {
                    // It would take more at once, so it is this computer that is slow; or the faster ones have just gone.
                    await _room.Reader.ReadAsync(stop);
                }
            }

            if (target.Dropped is null)
            {
                target.Enqueue(slice);
            }
        }
    }

    private bool IsBehindAnother(RelayTarget target) =>
        Array.Exists(_targets, other => other.Dropped is null && other.WaitingBytes < target.WaitingBytes);

    /// <summary>Waits until the fastest target has taken most of what it was sent.</summary>
    private async ValueTask PaceAsync(int paceBytes, CancellationToken stop)
    {
        while (true)
        {
            var least = long.MaxValue;
            foreach (var target in _targets)
            {
                least = target.IsTaking ? Math.Min(least, target.WaitingBytes) : least;
            }

            if (least <= paceBytes || least == long.MaxValue)
            {
                return;
            }

            await _room.Reader.ReadAsync(stop);
        }
    }

    /// <summary>Forwards the merged return path.</summary>
    private async Task AnswerAsync(Socket source, CancellationToken stop)
    {
        try
        {
            await foreach (var message in _toSource.Reader.ReadAllAsync(stop))
            {
                await SendAllAsync(source, message, stop);
            }
        }
        catch (SocketException e)
        {
            EndSource(e); // who reads from it may hear of it later, and less well
        }
    }

    private async Task ServeAsync(RelayTarget target, CancellationToken stop)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stop, target.Gone);
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(target.EndPoint, either.Token);
            target.Socket = socket;
            await Task.WhenAll(SendAsync(target, socket, either.Token), ListenAsync(target, socket, either.Token));
        }
        catch (SocketException e)
        {
            Drop(target, $"it cannot be reached at {target.EndPoint}: {e.Message}");
        }
        catch (OperationCanceledException) when (target.Gone.IsCancellationRequested)
        {
            // It was given up.
        }
        finally
        {
            target.Socket = null;
            target.End();
            target.Clear();
        }
    }

    private async Task SendAsync(RelayTarget target, Socket socket, CancellationToken stop)
    {
        try
        {
            while (await target.Queue.WaitToReadAsync(stop))
            {
                while (target.Queue.TryRead(out var slice))
                {
                    while (target.Queue.TryPeek(out var next) && slice.IsFollowedBy(next) && target.Queue.TryRead(out next))
                    {
                        slice = slice.Join(next);
                    }

                    try
                    {
                        await SendAsync(target, socket, slice.Bytes, stop);
                    }
                    finally
                    {
                        slice.Buffer.Release();
                    }
                }
            }

            socket.Shutdown(SocketShutdown.Send);
        }
        catch (SocketException e)
        {
            // Of one that has all, the rest does not matter.
            Drop(target, $"its connection broke: {e.Message}");
        }
    }

    private async ValueTask SendAsync(RelayTarget target, Socket socket, ReadOnlyMemory<byte> bytes, CancellationToken stop)
    {
        while (bytes.Length > 0)
        {
            var sent = await socket.SendAsync(bytes, stop);
            bytes = bytes[sent..];
            target.Took(sent);
            _room.Writer.TryWrite(true);
            if (target.TakenBytes > _budget.ByteLimit)
            {
                Drop(target, string.Create(CultureInfo.InvariantCulture, $"it took more than the limit of {_budget.ByteLimit} bytes"));
            }
        }
    }

    private async Task ListenAsync(RelayTarget target, Socket socket, CancellationToken stop)
    {
        var bytes = new byte[4096];
        try
        {
            while (await socket.ReceiveAsync(bytes, stop) is var length and > 0)
            {
                foreach (var message in target.Said.Add(bytes.AsMemory(0, length)))
                {
                    Hear(target, message);
                }
            }
        }
        catch (SocketException)
        {
            // As if it had closed the connection.
        }

        Drop(target, "it closed the connection before it had the whole state");
        target.End();
    }

    private void Hear(RelayTarget target, byte[] message)
    {
        lock (_gate)
        {
            if (!target.IsTaking)
            {
                return;
            }

            var shut = ReturnPathParser.ShutValue(message);
            var known = _said.Count - target.SaidBytes;
            var isNew = known == 0;
            var isSame = known >= message.Length && _said[target.SaidBytes..(target.SaidBytes + message.Length)].SequenceEqual(message);
            var refusal =
                shut is { } value and not 0 ? string.Create(CultureInfo.InvariantCulture, $"it could not load the state (error {value})")
                : target.SaidBytes + message.Length > MostSaidBytes ? "it says too much"
                : !isNew && !isSame ? "it answers differently from the others"
                : null;
            if (refusal is not null)
            {
                Drop(target, refusal);
                return;
            }

            target.SaidBytes += message.Length;
            if (shut == 0)
            {
                target.SayAll();
                _complete.Add(target);
                _room.Writer.TryWrite(true);
            }

            if (isNew)
            {
                _said.AddRange(message);
                _toSource.Writer.TryWrite(message);
            }
        }
    }

    /// <summary>Gives up a target that does not have all yet.</summary>
    private void Drop(RelayTarget target, string why)
    {
        lock (_gate)
        {
            if (!target.IsTaking)
            {
                return;
            }

            if (_hasSourceEnded)
            {
                target.Leave();
                return;
            }

            target.Drop(why);
            CompleteIfNoneLeft();
        }
    }

    /// <summary>Gives up a target that said that it has all, and cannot have, since ever more comes that it does not take.</summary>
    private void Unsay(RelayTarget target)
    {
        lock (_gate)
        {
            _complete.Remove(target);
            target.Drop("it said that it has the whole state while more of it was to come");
            CompleteIfNoneLeft();
        }
    }

    /// <summary>Within the gate.</summary>
    private void CompleteIfNoneLeft()
    {
        _room.Writer.TryWrite(true);
        if (Array.TrueForAll(_targets, static other => other.Dropped is not null))
        {
            _noneLeft.TrySetResult();
        }
    }

    private async Task WatchLimitsAsync(CancellationToken stop)
    {
        List<Task> limits = [];
        if (_budget.TimeLimit is { } limit)
        {
            limits.Add(EndAfterAsync(limit, stop));
        }

        if (_budget.MinimumBytesPerSecond is { } minimum)
        {
            limits.Add(WatchProgressAsync(minimum, stop));
        }

        await Task.WhenAll(limits);
    }

    private async Task EndAfterAsync(TimeSpan limit, CancellationToken stop)
    {
        await Task.Delay(limit, _time, stop);
        foreach (var target in _targets)
        {
            Drop(target, string.Create(CultureInfo.InvariantCulture, $"it took longer than the limit of {limit.TotalSeconds:0.###} s"));
        }
    }

    /// <summary>
    /// On average, because a limit on single waits is never tripped by one that is steadily slow. Only while something waits for the
    /// target: it cannot take what the source does not send.
    /// </summary>
    private async Task WatchProgressAsync(long minimum, CancellationToken stop)
    {
        using var timer = new PeriodicTimer(_budget.ProgressWindow / 4, _time);
        while (await timer.WaitForNextTickAsync(stop))
        {
            var now = _time.GetTimestamp();
            foreach (var target in _targets)
            {
                var elapsed = _time.GetElapsedTime(target.Window.Since, now);
                var taken = target.TakenBytes;
                var isOver = elapsed >= _budget.ProgressWindow;
                if (target.HasCaughtUp)
                {
                    target.HasCaughtUp = target.WaitingBytes == 0;
                    target.Window = (now, taken);
                }
                else if (isOver && taken - target.Window.Taken < minimum * elapsed.TotalSeconds)
                {
                    Drop(target, string.Create(CultureInfo.InvariantCulture, $"it took less than {minimum} bytes a second"));
                }
                else if (isOver)
                {
                    target.Window = (now, taken);
                }
            }
        }
    }

    private static async ValueTask SendAllAsync(Socket socket, ReadOnlyMemory<byte> bytes, CancellationToken stop)
    {
        while (bytes.Length > 0)
        {
            bytes = bytes[await socket.SendAsync(bytes, stop)..];
        }
    }
}
