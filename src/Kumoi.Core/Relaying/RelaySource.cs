using System.Globalization;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Kumoi.Hypervisors;

namespace Kumoi.Relaying;

/// <summary>
/// A relay's work for its source: spreads its stream to the targets at the pace of the fastest, and tells it the merged return path.
/// </summary>
internal sealed class RelaySource(RelayTarget[] targets, RelayVerdicts verdicts, ReplicaBudget budget, TimeSpan hearingPatience)
{
    private const int ReadBytes = 256 << 10;
    private const int LeastReadBytes = 64 << 10; // less room than that in a buffer is not worth a read
    private const int PaceBytes = 1 << 20;       // what may wait for the fastest

    private long _received;

    /// <summary>How many bytes the source has sent.</summary>
    public long ReceivedBytes => Volatile.Read(ref _received);

    public async Task ServeAsync(Socket source, Task takers, CancellationToken stop)
    {
        source.NoDelay = true;
        EndWhenDeaf(source);
        var answering = AnswerAsync(source, stop);
        await ReadAsync(source, stop);
        foreach (var target in targets)
        {
            target.End();
        }

        await takers;
        verdicts.EndAnswers();
        await answering;
    }

    /// <summary>
    /// A source that does not hear would wait for ever, or go on sending for ever; whether it has heard is known by TCP only. (Linux's
    /// tcp(7), TCP_USER_TIMEOUT; elsewhere it is found out by what the source does.)
    /// </summary>
    private void EndWhenDeaf(Socket source)
    {
        if (OperatingSystem.IsLinux())
        {
            const int IPProtoTcp = 6;
            const int TcpUserTimeout = 18;
            var milliseconds = (int)Math.Clamp(hearingPatience.TotalMilliseconds, 1, int.MaxValue); // 0 would be the system's own
            source.SetRawSocketOption(IPProtoTcp, TcpUserTimeout, MemoryMarshal.AsBytes(new ReadOnlySpan<int>(in milliseconds)));
        }
    }

    private async Task ReadAsync(Socket source, CancellationToken stop)
    {
        var readBytes = Math.Min(ReadBytes, budget.BufferBytes / 4);
        var paceBytes = Math.Min(PaceBytes, budget.BufferBytes / 2);
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
                    verdicts.EndSource(null);
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
            verdicts.EndSource(e);
        }
        finally
        {
            buffer.Release();
        }
    }

    private async ValueTask SpreadAsync(RelaySlice slice, CancellationToken stop)
    {
        foreach (var target in targets)
        {
            while (target.Dropped is null && target.WaitingBytes + slice.Length > budget.BufferBytes)
            {
                if (target.HasAll)
                {
                    verdicts.Unsay(target);
                }
                else if (target.IsBlocked && IsBehindAnother(target))
                {
                    verdicts.Drop(
                        target,
                        string.Create(
                            CultureInfo.InvariantCulture, $"it fell behind by more than its buffer of {budget.BufferBytes} bytes"));
                }
                else
                {
                    // It would take more at once, so it is this computer that is slow; or the faster ones have just gone.
                    await verdicts.WaitForRoomAsync(stop);
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
            var least = long.MaxValue;
            foreach (var target in targets)
            {
                least = target.IsTaking ? Math.Min(least, target.WaitingBytes) : least;
            }

            if (least <= paceBytes || least == long.MaxValue)
            {
                return;
            }

            await verdicts.WaitForRoomAsync(stop);
        }
    }

    /// <summary>Forwards the merged return path.</summary>
    private async Task AnswerAsync(Socket source, CancellationToken stop)
    {
        try
        {
            await foreach (var message in verdicts.ReadAnswersAsync(stop))
            {
                await SendAllAsync(source, message, stop);
            }
        }
        catch (SocketException e)
        {
            verdicts.EndSource(e); // who reads from it may hear of it later, and less well
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
