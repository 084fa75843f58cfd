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

    private readonly Lock gate = new();
    private readonly Socket listener;
    private readonly Func<IPAddress, bool> isSource;
    private readonly ReplicaBudget budget;
    private readonly TimeSpan hearingPatience;
    private readonly TimeProvider time;
    private readonly RelayTarget[] targets;
    private readonly List<RelayTarget> complete = [];
    private readonly List<byte> said = []; // the merged return path
    private readonly Channel<byte[]> toSource = Channel.CreateUnbounded<byte[]>(new UnboundedChannelOptions { SingleReader = true });
    private readonly TaskCompletionSource noneLeft = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Something has changed that the source may be waiting for.</summary>
    private readonly Channel<bool> room =
        Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    private volatile IPAddress? refused;
    private volatile bool hasSourceEnded; // before any target had the whole state
    private volatile SocketException? sourceLoss;
    private long received;

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
        this.isSource = isSource;
        this.targets = [.. targets.Select(static target => new RelayTarget(target.Name, target.EndPoint))];
        this.budget = budget;
        this.hearingPatience = hearingPatience;
        this.time = time;
        listener = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            listener.Bind(new IPEndPoint(address, 0));
            listener.Listen(1);
        }
        catch
        {
            listener.Dispose();
            throw;
        }

        EndPoint = (IPEndPoint)listener.LocalEndPoint!;
    }

    /// <summary>Where the source is to connect.</summary>
    public IPEndPoint EndPoint { get; }

    /// <summary>Completes when every target was given up.</summary>
    public Task NoneLeft => noneLeft.Task;

    /// <summary>How many bytes the source has sent.</summary>
    public long ReceivedBytes => Volatile.Read(ref received);

    /// <summary>Who was turned away last; null: nobody.</summary>
    public IPAddress? Refused => refused;

    /// <summary>How the source's connection broke before any target had the whole state; null: it did not.</summary>
    public SocketException? SourceLoss => sourceLoss;

    /// <summary>The source's connection broke because the source does not acknowledge what it is told.</summary>
    public bool IsSourceDeaf => sourceLoss?.SocketErrorCode is SocketError.TimedOut;

    /// <summary>The numbers of the targets that have the whole state, in the order in which they said so.</summary>
    public IReadOnlyList<int> Complete
    {
        get
        {
            lock (gate)
            {
                return [.. complete.Select(target => Array.IndexOf(targets, target))];
            }
        }
    }

    public IReadOnlyList<ReplicaProgress> ReadProgress() => [.. targets.Select(static target => target.Read())];

    /// <summary>
    /// Relays one connection. Returns when both sides have ended, when no target is left, or when it is cancelled; every connection is
    /// closed then.
    /// </summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task[] takers = [.. targets.Select(target => Part(() => ServeAsync(target, stop.Token), stop))];
        Task limits = Part(() => WatchLimitsAsync(stop.Token), stop);
        Task source = Part(() => ServeSourceAsync(Task.WhenAll(takers), stop.Token), stop);
        await Task.WhenAny(source, noneLeft.Task).ConfigureAwait(false);
        await stop.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll([source, limits, .. takers]).ConfigureAwait(false);
        foreach (RelayTarget target in targets)
        {
            target.End();
            target.Clear();
        }
    }

    public void Dispose()
    {
        listener.Dispose();
        foreach (RelayTarget target in targets)
        {
            target.Dispose();
        }
    }

    /// <summary>A part of the work. It ends with the whole; what it does not expect ends the whole.</summary>
    private static async Task Part(Func<Task> work, CancellationTokenSource stop)
    {
        try
        {
            await work().ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // It was told to end.
        }
        catch
        {
            await stop.CancelAsync().ConfigureAwait(false);
            throw;
        }
    }

    private async Task ServeSourceAsync(Task takers, CancellationToken stop)
    {
        using Socket source = await AcceptAsync(stop).ConfigureAwait(false);
        source.NoDelay = true;
        EndWhenDeaf(source);
        Task answering = AnswerAsync(source, stop);
        await ReadAsync(source, stop).ConfigureAwait(false);
        foreach (RelayTarget target in targets)
        {
            target.End();
        }

        await takers.ConfigureAwait(false);
        toSource.Writer.TryComplete();
        await answering.ConfigureAwait(false);
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
            int milliseconds = (int)Math.Clamp(hearingPatience.TotalMilliseconds, 1, int.MaxValue); // 0 would be the system's own
            source.SetRawSocketOption(IPProtoTcp, TcpUserTimeout, MemoryMarshal.AsBytes(new ReadOnlySpan<int>(in milliseconds)));
        }
    }

    /// <summary>What the source has sent is of no use to a target that does not have all of it by now, and it is not the target's fault.</summary>
    private void EndSource(SocketException? loss)
    {
        lock (gate)
        {
            if (complete.Count == 0)
            {
                sourceLoss ??= loss;
                hasSourceEnded = true;
            }
        }
    }

    private async Task<Socket> AcceptAsync(CancellationToken stop)
    {
        try
        {
            while (true)
            {
                Socket caller = await listener.AcceptAsync(stop).ConfigureAwait(false);
                IPAddress address = ((IPEndPoint)caller.RemoteEndPoint!).Address;
                if (isSource(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address))
                {
                    return caller;
                }

                refused = address;
                caller.Dispose();
            }
        }
        finally
        {
            listener.Dispose();
        }
    }

    private async Task ReadAsync(Socket source, CancellationToken stop)
    {
        int readBytes = Math.Min(ReadBytes, budget.BufferBytes / 4);
        int paceBytes = Math.Min(PaceBytes, budget.BufferBytes / 2);
        RelayBuffer buffer = RelayBuffer.Rent(readBytes);
        try
        {
            while (true)
            {
                if (buffer.Free.Length < Math.Min(LeastReadBytes, readBytes))
                {
                    buffer.Release();
                    buffer = RelayBuffer.Rent(readBytes);
                }

                Memory<byte> free = buffer.Free;
                int length = await source.ReceiveAsync(free[..Math.Min(free.Length, readBytes)], stop).ConfigureAwait(false);
                if (length == 0)
                {
                    EndSource(null);
                    return;
                }

                RelaySlice slice = new(buffer, buffer.Length, length);
                buffer.Advance(length);
                Interlocked.Add(ref received, length);
                await PaceAsync(paceBytes, stop).ConfigureAwait(false);
                await SpreadAsync(slice, stop).ConfigureAwait(false);
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
        foreach (RelayTarget target in targets)
        {
            while (target.Dropped is null && target.WaitingBytes + slice.Length > budget.BufferBytes)
            {
                if (target.HasAll)
                {
                    Unsay(target);
                }
                else if (target.IsBlocked && IsBehindAnother(target))
                {
                    Drop(target, string.Create(CultureInfo.InvariantCulture, $"it fell behind by more than its buffer of {budget.BufferBytes} bytes"));
                }
                else
                {
                    // It would take more at once, so it is this computer that is slow; or the faster ones have just gone.
                    await room.Reader.ReadAsync(stop).ConfigureAwait(false);
                }
            }

            if (target.Dropped is null)
            {
                target.Enqueue(slice);
            }
        }
    }

    private bool IsBehindAnother(RelayTarget target) =>
        Array.Exists(targets, other => other.Dropped is null && other.WaitingBytes < target.WaitingBytes);

    /// <summary>Waits until the fastest target has taken most of what it was sent.</summary>
    private async ValueTask PaceAsync(int paceBytes, CancellationToken stop)
    {
        while (true)
        {
            long least = long.MaxValue;
            foreach (RelayTarget target in targets)
            {
                least = target.IsTaking ? Math.Min(least, target.WaitingBytes) : least;
            }

            if (least <= paceBytes || least == long.MaxValue)
            {
                return;
            }

            await room.Reader.ReadAsync(stop).ConfigureAwait(false);
        }
    }

    /// <summary>Forwards the merged return path.</summary>
    private async Task AnswerAsync(Socket source, CancellationToken stop)
    {
        try
        {
            await foreach (byte[] message in toSource.Reader.ReadAllAsync(stop).ConfigureAwait(false))
            {
                await SendAllAsync(source, message, stop).ConfigureAwait(false);
            }
        }
        catch (SocketException e)
        {
            EndSource(e); // who reads from it may hear of it later, and less well
        }
    }

    private async Task ServeAsync(RelayTarget target, CancellationToken stop)
    {
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(stop, target.Gone);
        using Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(target.EndPoint, either.Token).ConfigureAwait(false);
            target.Socket = socket;
            await Task.WhenAll(SendAsync(target, socket, either.Token), ListenAsync(target, socket, either.Token)).ConfigureAwait(false);
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
            while (await target.Queue.WaitToReadAsync(stop).ConfigureAwait(false))
            {
                while (target.Queue.TryRead(out RelaySlice slice))
                {
                    while (target.Queue.TryPeek(out RelaySlice next) && slice.IsFollowedBy(next) && target.Queue.TryRead(out next))
                    {
                        slice = slice.Join(next);
                    }

                    try
                    {
                        await SendAsync(target, socket, slice.Bytes, stop).ConfigureAwait(false);
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
            int sent = await socket.SendAsync(bytes, stop).ConfigureAwait(false);
            bytes = bytes[sent..];
            target.Took(sent);
            room.Writer.TryWrite(true);
            if (target.TakenBytes > budget.ByteLimit)
            {
                Drop(target, string.Create(CultureInfo.InvariantCulture, $"it took more than the limit of {budget.ByteLimit} bytes"));
            }
        }
    }

    private async Task ListenAsync(RelayTarget target, Socket socket, CancellationToken stop)
    {
        byte[] bytes = new byte[4096];
        try
        {
            while (await socket.ReceiveAsync(bytes, stop).ConfigureAwait(false) is var length and > 0)
            {
                foreach (byte[] message in target.Said.Add(bytes.AsMemory(0, length)))
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
        lock (gate)
        {
            if (!target.IsTaking)
            {
                return;
            }

            int? shut = ReturnPathParser.ShutValue(message);
            int known = said.Count - target.SaidBytes;
            bool isNew = known == 0;
            bool isSame = known >= message.Length && said[target.SaidBytes..(target.SaidBytes + message.Length)].SequenceEqual(message);
            string? refusal =
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
                complete.Add(target);
                room.Writer.TryWrite(true);
            }

            if (isNew)
            {
                said.AddRange(message);
                toSource.Writer.TryWrite(message);
            }
        }
    }

    /// <summary>Gives up a target that does not have all yet.</summary>
    private void Drop(RelayTarget target, string why)
    {
        lock (gate)
        {
            if (!target.IsTaking)
            {
                return;
            }

            if (hasSourceEnded)
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
        lock (gate)
        {
            complete.Remove(target);
            target.Drop("it said that it has the whole state while more of it was to come");
            CompleteIfNoneLeft();
        }
    }

    /// <summary>Within the gate.</summary>
    private void CompleteIfNoneLeft()
    {
        room.Writer.TryWrite(true);
        if (Array.TrueForAll(targets, static other => other.Dropped is not null))
        {
            noneLeft.TrySetResult();
        }
    }

    private async Task WatchLimitsAsync(CancellationToken stop)
    {
        List<Task> limits = [];
        if (budget.TimeLimit is { } limit)
        {
            limits.Add(EndAfterAsync(limit, stop));
        }

        if (budget.MinimumBytesPerSecond is { } minimum)
        {
            limits.Add(WatchProgressAsync(minimum, stop));
        }

        await Task.WhenAll(limits).ConfigureAwait(false);
    }

    private async Task EndAfterAsync(TimeSpan limit, CancellationToken stop)
    {
        await Task.Delay(limit, time, stop).ConfigureAwait(false);
        foreach (RelayTarget target in targets)
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
        using PeriodicTimer timer = new(budget.ProgressWindow / 4, time);
        while (await timer.WaitForNextTickAsync(stop).ConfigureAwait(false))
        {
            long now = time.GetTimestamp();
            foreach (RelayTarget target in targets)
            {
                TimeSpan elapsed = time.GetElapsedTime(target.Window.Since, now);
                long taken = target.TakenBytes;
                bool isOver = elapsed >= budget.ProgressWindow;
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
            bytes = bytes[await socket.SendAsync(bytes, stop).ConfigureAwait(false)..];
        }
    }
}
