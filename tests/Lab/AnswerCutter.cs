using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Kumoi.Tests.Lab;

/// <summary>
/// A TCP port of this computer through which a host is reached, until it has answered so often: the next answer is lost, and with it all
/// connections, although the host has done what it was asked for.
/// </summary>
internal sealed class AnswerCutter : IAsyncDisposable
{
    private const int DaemonPort = 16509;

    // libvirt's messages: their length, a program, a version, a procedure and a type (https://libvirt.org/kbase/internals/rpc.html).
    private const int LengthSize = 4;
    private const int TypeOffset = 16;
    private const int Reply = 1;

    private readonly IPEndPoint _there;
    private readonly Socket _listener = new(SocketType.Stream, ProtocolType.Tcp);
    private readonly ConcurrentBag<Socket> _open = [];
    private readonly ConcurrentBag<Task> _work = [];
    private readonly Lock _gate = new();
    private int _left = int.MaxValue;

    public AnswerCutter(IPAddress here, LabHost host)
    {
        _there = new IPEndPoint(IPAddress.Parse(host.Address), DaemonPort);
        _listener.Bind(new IPEndPoint(here, 0));
        _listener.Listen();
        _work.Add(AcceptAsync());
    }

    /// <summary>The daemon's URI by this way.</summary>
    public string Uri => $"qemu+tcp://{_listener.LocalEndPoint}/system";

    /// <summary>Whether an answer was lost.</summary>
    public bool HasCut { get; private set; }

    /// <summary>So many answers come from now on.</summary>
    public void CutAfter(int answers)
    {
        lock (_gate)
        {
            _left = answers;
        }
    }

    public async ValueTask DisposeAsync()
    {
        _listener.Dispose();
        Cut();
        await Task.WhenAll(_work);
    }

    private void Cut()
    {
        while (_open.TryTake(out var socket))
        {
            socket.Dispose();
        }
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptAsync();
                var host = new Socket(SocketType.Stream, ProtocolType.Tcp);
                _open.Add(client);
                _open.Add(host);
                if (HasCut)
                {
                    Cut(); // nobody reaches it any more
                    continue;
                }

                await host.ConnectAsync(_there);
                _work.Add(CopyAsync(client, host));
                _work.Add(CopyAnswersAsync(host, client));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Closed.
        }
    }

    private static async Task CopyAsync(Socket from, Socket to)
    {
        try
        {
            await using var source = new NetworkStream(from);
            await using var target = new NetworkStream(to);
            await source.CopyToAsync(target);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // Closed.
        }

        from.Dispose();
        to.Dispose();
    }

    private async Task CopyAnswersAsync(Socket from, Socket to)
    {
        try
        {
            await using var source = new NetworkStream(from);
            await using var target = new NetworkStream(to);
            var length = new byte[LengthSize];
            while (true)
            {
                await source.ReadExactlyAsync(length);
                var message = new byte[BinaryPrimitives.ReadInt32BigEndian(length)];
                length.CopyTo(message, 0);
                await source.ReadExactlyAsync(message.AsMemory(LengthSize));
                if (BinaryPrimitives.ReadInt32BigEndian(message.AsSpan(TypeOffset)) is Reply && !MayAnswer())
                {
                    Cut();
                    break;
                }

                await target.WriteAsync(message);
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // Closed.
        }

        from.Dispose();
        to.Dispose();
    }

    private bool MayAnswer()
    {
        lock (_gate)
        {
            HasCut |= _left-- <= 0;
            return !HasCut;
        }
    }
}
