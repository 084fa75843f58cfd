using System.Globalization;
using System.Net.Sockets;
using Kumoi.Hypervisors;

namespace Kumoi.Relaying;

/// <summary>Serves one target of a relay: sends it what waits for it, and hears what it says.</summary>
internal sealed class RelayTaker(RelayTarget target, RelayVerdicts verdicts, ReplicaBudget budget)
{
    public async Task ServeAsync(CancellationToken stop)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stop, target.Gone);
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(target.EndPoint, either.Token);
            target.Socket = socket;
            await Task.WhenAll(SendAsync(socket, either.Token), ListenAsync(socket, either.Token));
        }
        catch (SocketException e)
        {
            verdicts.Drop(target, $"it cannot be reached at {target.EndPoint}: {e.Message}");
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

    private async Task SendAsync(Socket socket, CancellationToken stop)
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
                        await SendAsync(socket, slice.Bytes, stop);
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
            verdicts.Drop(target, $"its connection broke: {e.Message}");
        }
    }

    private async ValueTask SendAsync(Socket socket, ReadOnlyMemory<byte> bytes, CancellationToken stop)
    {
        while (bytes.Length > 0)
        {
            var sent = await socket.SendAsync(bytes, stop);
            bytes = bytes[sent..];
            target.Took(sent);
            verdicts.SignalRoom();
            if (target.TakenBytes > budget.ByteLimit)
            {
                verdicts.Drop(
                    target, string.Create(CultureInfo.InvariantCulture, $"it took more than the limit of {budget.ByteLimit} bytes"));
            }
        }
    }

    private async Task ListenAsync(Socket socket, CancellationToken stop)
    {
        var bytes = new byte[4096];
        try
        {
            while (await socket.ReceiveAsync(bytes, stop) is var length and > 0)
            {
                foreach (var message in target.Said.Add(bytes.AsMemory(0, length)))
                {
                    verdicts.Hear(target, message);
                }
            }
        }
        catch (SocketException)
        {
            // As if it had closed the connection.
        }

        verdicts.Drop(target, "it closed the connection before it had the whole state");
        target.End();
    }
}
