using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Kumoi.Tests.Lab;

/// <summary>A TCP port of this computer through which a host is reached, until it is not.</summary>
internal class Forwarder : IAsyncDisposable
{
    private const int SomePort = 0;
    private const int DaemonPort = 16509;

    private readonly IPEndPoint _there;
    private readonly byte[]? _last;
    private readonly ConcurrentBag<Socket> _open = [];
    private readonly ConcurrentBag<Task> _work = [];
    private IPEndPoint _here;
    private Socket? _listener;
    private volatile bool _isMute;

    /// <summary>To the host's daemon.</summary>
    public Forwarder(IPAddress here, LabHost host)
        : this(new IPEndPoint(here, SomePort), new IPEndPoint(IPAddress.Parse(host.Address), DaemonPort))
    {
    }

    /// <summary>From one port to another. Of what that says, this and all that follows is lost.</summary>
    public Forwarder(IPEndPoint here, IPEndPoint there, byte[]? last = null)
    {
        _here = here;
        _there = there;
        _last = last;
        Open();
    }

    /// <summary>What it says is lost.</summary>
    public bool IsMute => _isMute;

    /// <summary>The daemon's URI by this way.</summary>
    public string Uri => $"qemu+tcp://{_here}/system";

    /// <summary>What the host says from now on is lost.</summary>
    public void Mute() => _isMute = true;

    /// <summary>The host can be reached.</summary>
    public void Open()
    {
        _isMute = false;
        _listener = new Socket(SocketType.Stream, ProtocolType.Tcp);
        _listener.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        _listener.Bind(_here);
        _listener.Listen();
        _here = new IPEndPoint(_here.Address, ((IPEndPoint)_listener.LocalEndPoint!).Port);
        _work.Add(AcceptAsync(_listener));
    }

    /// <summary>All connections end, and there are no new ones.</summary>
    public void Close()
    {
        _listener?.Dispose();
        while (_open.TryTake(out var socket))
        {
            socket.Dispose();
        }
    }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        Close();
        await Task.WhenAll(_work);
    }

    private async Task AcceptAsync(Socket listener)
    {
        try
        {
            while (true)
            {
                var client = await listener.AcceptAsync();
                var host = new Socket(SocketType.Stream, ProtocolType.Tcp);
                _open.Add(client);
                _open.Add(host);
                try
                {
                    await host.ConnectAsync(_there);
                }
                catch (SocketException)
                {
                    client.Dispose();
                    continue;
                }

                _work.Add(CopyAsync(client, host, isFromHost: false));
                _work.Add(AnswerAsync(host, client));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Closed.
        }
    }

    /// <summary>Copies what the host says, until one of both is closed, and closes both.</summary>
    protected virtual Task AnswerAsync(Socket host, Socket client) => CopyAsync(host, client, isFromHost: true);

    private async Task CopyAsync(Socket from, Socket to, bool isFromHost)
    {
        var bytes = new byte[64 << 10];
        try
        {
            while (await from.ReceiveAsync(bytes) is var length and > 0)
            {
                if (isFromHost && _last is not null && bytes.AsSpan(0, length).IndexOf(_last) is var end and >= 0)
                {
                    length = end;
                    _isMute = true;
                }
                else if (isFromHost && _isMute)
                {
                    continue;
                }

                for (var sent = 0; sent < length;)
                {
                    sent += await to.SendAsync(bytes.AsMemory(sent, length - sent));
                }
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Closed.
        }

        from.Dispose();
        to.Dispose();
    }
}
