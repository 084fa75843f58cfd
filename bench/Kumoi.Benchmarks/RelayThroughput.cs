using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Kumoi.Hypervisors;
using Kumoi.Relaying;

namespace Kumoi.Benchmarks;

/// <summary>
/// Sends the same bytes over loopback, by the same sender to the same receivers: through the migration relay, or through socat.
/// </summary>
internal static class RelayThroughput
{
    private const long Bytes = 4L << 30;
    private const int Piece = 1 << 20;

    /// <summary>That none is dropped for being behind: all are to get all.</summary>
    private static readonly ReplicaBudget Patient = new() { BufferBytes = 512 << 20 };

    public static async Task RelayAsync(int targets)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        var listeners = Enumerable.Range(0, targets).Select(_ => Listen()).ToList();
        var receiving = listeners.ConvertAll(listener => ReceiveAsync(listener, limit.Token));
        using var relay = new MigrationRelay(
            IPAddress.Loopback, IPAddress.IsLoopback, listeners.Select((listener, i) => ($"target {i}", listener.LocalEndPoint!)), Patient,
            hearingPatience: TimeSpan.FromMinutes(1), TimeProvider.System);
        var running = relay.RunAsync(limit.Token);
        await SendAsync(relay.EndPoint, limit.Token);
        await Task.WhenAll(receiving);
        await running;
    }

    public static async Task SocatAsync()
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        var receiving = Listen();
        var received = ReceiveAsync(receiving, limit.Token);
        int port;
        using (var free = Listen())
        {
            port = ((IPEndPoint)free.LocalEndPoint!).Port;
        }

        var target = ((IPEndPoint)receiving.LocalEndPoint!).Port;
        using var socat = Process.Start(
            "socat",
            [
                "-b", Piece.ToString(CultureInfo.InvariantCulture),
                string.Create(CultureInfo.InvariantCulture, $"TCP4-LISTEN:{port},bind=127.0.0.1,reuseaddr"),
                string.Create(CultureInfo.InvariantCulture, $"TCP4:127.0.0.1:{target}"),
            ]);
        await SendAsync(new IPEndPoint(IPAddress.Loopback, port), limit.Token);
        await received;
        await socat.WaitForExitAsync(limit.Token);
    }

    private static Socket Listen()
    {
        var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(1);
        return listener;
    }

    private static async Task SendAsync(EndPoint target, CancellationToken cancellationToken)
    {
        using var socket = await ConnectAsync(target, cancellationToken);
        var piece = new byte[Piece];
        for (long sent = 0; sent < Bytes; sent += await socket.SendAsync(piece, cancellationToken))
        {
            // As fast as it goes.
        }

        socket.Shutdown(SocketShutdown.Send);
    }

    /// <summary>Until it listens.</summary>
    private static async Task<Socket> ConnectAsync(EndPoint target, CancellationToken cancellationToken)
    {
        while (true)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                await socket.ConnectAsync(target, cancellationToken);
                return socket;
            }
            catch (SocketException)
            {
                socket.Dispose();
                await Task.Delay(1, cancellationToken);
            }
        }
    }

    private static async Task ReceiveAsync(Socket listener, CancellationToken cancellationToken)
    {
        using (listener)
        {
            using var socket = await listener.AcceptAsync(cancellationToken);
            var piece = new byte[Piece];
            long received = 0;
            while (await socket.ReceiveAsync(piece, cancellationToken) is > 0 and var count)
            {
                received += count;
            }

            if (received != Bytes)
            {
                throw new InvalidOperationException($"{received} of {Bytes} bytes came.");
            }
        }
    }
}
