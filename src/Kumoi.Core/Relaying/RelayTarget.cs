using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using Kumoi.Hypervisors;

namespace Kumoi.Relaying;

/// <summary>One target of a relay: what waits for it, what it has taken, and what it has said.</summary>
internal sealed class RelayTarget(string name, EndPoint endPoint) : IDisposable
{
    private readonly Channel<RelaySlice> _queue = Channel.CreateUnbounded<RelaySlice>(new UnboundedChannelOptions { SingleReader = true });
    private readonly CancellationTokenSource _gone = new();
    private long _waiting;
    private long _taken;
    private volatile bool _hasAll;
    private volatile string? _dropped;
    private volatile bool _hasCaughtUp = true;
    private volatile Socket? _socket;

    public string Name => name;

    public EndPoint EndPoint => endPoint;

    /// <summary>What it has said, as far as it is whole.</summary>
    public ReturnPathParser Said { get; } = new();

    /// <summary>How many bytes of whole messages it has said.</summary>
    public int SaidBytes { get; set; }

    public bool HasAll => _hasAll;

    /// <summary>Why it was given up; null: it was not.</summary>
    public string? Dropped => _dropped;

    /// <summary>The connection to it; null: there is none yet, or no more.</summary>
    public Socket? Socket
    {
        set => _socket = value;
    }

    /// <summary>Not a byte more could be sent to it now without waiting.</summary>
    public bool IsBlocked
    {
        get
        {
            try
            {
                return _socket?.Poll(TimeSpan.Zero, SelectMode.SelectWrite) != true;
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return true;
            }
        }
    }

    /// <summary>It wants the stream: neither was it given up, nor has it all.</summary>
    public bool IsTaking => _dropped is null && !_hasAll;

    /// <summary>Cancelled when it is given up.</summary>
    public CancellationToken Gone => _gone.Token;

    public long WaitingBytes => Volatile.Read(ref _waiting);

    public long TakenBytes => Volatile.Read(ref _taken);

    /// <summary>What waits for it; completes after <see cref="End"/>.</summary>
    public ChannelReader<RelaySlice> Queue => _queue.Reader;

    /// <summary>For the budget: since when it has been behind without a break, and what it had taken then.</summary>
    public (long Since, long Taken) Window { get; set; }

    /// <summary>For the budget: nothing was waiting for it at some moment since this was set to false.</summary>
    public bool HasCaughtUp
    {
        get => _hasCaughtUp;
        set => _hasCaughtUp = value;
    }

    /// <summary>By one who holds the buffer.</summary>
    public void Enqueue(RelaySlice slice)
    {
        slice.Buffer.Hold();
        Interlocked.Add(ref _waiting, slice.Length);
        if (!_queue.Writer.TryWrite(slice))
        {
            Interlocked.Add(ref _waiting, -slice.Length);
            slice.Buffer.Release();
        }
    }

    /// <summary>Takes some bytes off the queue's account.</summary>
    public void Took(int bytes)
    {
        Interlocked.Add(ref _taken, bytes);
        if (Interlocked.Add(ref _waiting, -bytes) == 0)
        {
            _hasCaughtUp = true;
        }
    }

    /// <summary>Nothing comes after what waits.</summary>
    public void End() => _queue.Writer.TryComplete();

    public void SayAll() => _hasAll = true;

    /// <summary>Gives it up. The first reason counts.</summary>
    public void Drop(string why)
    {
        _dropped ??= why;
        Leave();
    }

    /// <summary>Ends what is done for it.</summary>
    public void Leave()
    {
        End();
        _gone.Cancel();
    }

    /// <summary>Lets go of what still waits. After <see cref="End"/>.</summary>
    public void Clear()
    {
        while (_queue.Reader.TryRead(out var slice))
        {
            slice.Buffer.Release();
        }
    }

    public ReplicaProgress Read() => new(name, TakenBytes, _hasAll, _dropped);

    public void Dispose() => _gone.Dispose();
}
