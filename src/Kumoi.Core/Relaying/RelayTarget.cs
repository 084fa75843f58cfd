using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Libvirt;
using Kumoi.Hypervisors.Libvirt.Migrations;

namespace Kumoi.Relaying;

/// <summary>One target of a relay: what waits for it, what it has taken, and what it has said.</summary>
internal sealed class RelayTarget(string name, EndPoint endPoint) : IDisposable
{
    private readonly Channel<RelaySlice> queue = Channel.CreateUnbounded<RelaySlice>(new UnboundedChannelOptions { SingleReader = true });
    private readonly CancellationTokenSource gone = new();
    private long waiting;
    private long taken;
    private volatile bool hasAll;
    private volatile string? dropped;
    private volatile bool hasCaughtUp = true;
    private volatile Socket? socket;

    public string Name => name;

    public EndPoint EndPoint => endPoint;

    /// <summary>What it has said, as far as it is whole.</summary>
    public ReturnPathParser Said { get; } = new();

    /// <summary>How many bytes of whole messages it has said.</summary>
    public int SaidBytes { get; set; }

    public bool HasAll => hasAll;

    /// <summary>Why it was given up; null: it was not.</summary>
    public string? Dropped => dropped;

    /// <summary>The connection to it; null: there is none yet, or no more.</summary>
    public Socket? Socket
    {
        set => socket = value;
    }

    /// <summary>Not a byte more could be sent to it now without waiting.</summary>
    public bool IsBlocked
    {
        get
        {
            try
            {
                return socket?.Poll(TimeSpan.Zero, SelectMode.SelectWrite) != true;
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return true;
            }
        }
    }

    /// <summary>It wants the stream: neither was it given up, nor has it all.</summary>
    public bool IsTaking => dropped is null && !hasAll;

    /// <summary>Cancelled when it is given up.</summary>
    public CancellationToken Gone => gone.Token;

    public long WaitingBytes => Volatile.Read(ref waiting);

    public long TakenBytes => Volatile.Read(ref taken);

    /// <summary>What waits for it; completes after <see cref="End"/>.</summary>
    public ChannelReader<RelaySlice> Queue => queue.Reader;

    /// <summary>For the budget: since when it has been behind without a break, and what it had taken then.</summary>
    public (long Since, long Taken) Window { get; set; }

    /// <summary>For the budget: nothing was waiting for it at some moment since this was set to false.</summary>
    public bool HasCaughtUp
    {
        get => hasCaughtUp;
        set => hasCaughtUp = value;
    }

    /// <summary>By one who holds the buffer.</summary>
    public void Enqueue(RelaySlice slice)
    {
        slice.Buffer.Hold();
        Interlocked.Add(ref waiting, slice.Length);
        if (!queue.Writer.TryWrite(slice))
        {
            Interlocked.Add(ref waiting, -slice.Length);
            slice.Buffer.Release();
        }
    }

    /// <summary>Takes some bytes off the queue's account.</summary>
    public void Took(int bytes)
    {
        Interlocked.Add(ref taken, bytes);
        if (Interlocked.Add(ref waiting, -bytes) == 0)
        {
            hasCaughtUp = true;
        }
    }

    /// <summary>Nothing comes after what waits.</summary>
    public void End() => queue.Writer.TryComplete();

    public void SayAll() => hasAll = true;

    /// <summary>Gives it up. The first reason counts.</summary>
    public void Drop(string why)
    {
        dropped ??= why;
        Leave();
    }

    /// <summary>Ends what is done for it.</summary>
    public void Leave()
    {
        End();
        gone.Cancel();
    }

    /// <summary>Lets go of what still waits. After <see cref="End"/>.</summary>
    public void Clear()
    {
        while (queue.Reader.TryRead(out RelaySlice slice))
        {
            slice.Buffer.Release();
        }
    }

    public ReplicaProgress Read() => new(name, TakenBytes, hasAll, dropped);

    public void Dispose() => gone.Dispose();
}
