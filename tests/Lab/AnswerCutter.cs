using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Kumoi.Tests.Lab;

/// <summary>
/// A port through which a host is reached until it has answered so often: the next answer is lost, and with it all connections, although the
/// host has done what it was asked for.
/// </summary>
internal sealed class AnswerCutter(IPAddress here, LabHost host) : Forwarder(here, host)
{
    // libvirt's messages: their length, a program, a version, a procedure and a type (https://libvirt.org/kbase/internals/rpc.html).
    private const int LengthSize = 4;
    private const int TypeOffset = 16;
    private const int Reply = 1;

    private readonly Lock _gate = new();
    private int _left = int.MaxValue;

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

    protected override async Task AnswerAsync(Socket host, Socket client)
    {
        try
        {
            await using var source = new NetworkStream(host);
            await using var target = new NetworkStream(client);
            var length = new byte[LengthSize];
            while (true)
            {
                await source.ReadExactlyAsync(length);
                var message = new byte[BinaryPrimitives.ReadInt32BigEndian(length)];
                length.CopyTo(message, 0);
                await source.ReadExactlyAsync(message.AsMemory(LengthSize));
                if (BinaryPrimitives.ReadInt32BigEndian(message.AsSpan(TypeOffset)) is Reply && !MayAnswer())
                {
                    Close();
                    break;
                }

                await target.WriteAsync(message);
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // Closed.
        }

        host.Dispose();
        client.Dispose();
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
