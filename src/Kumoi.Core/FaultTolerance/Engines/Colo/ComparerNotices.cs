using System.Net.Sockets;
using Kumoi.FaultTolerance.Gates;

namespace Kumoi.FaultTolerance.Engines.Colo;

/// <summary>
/// Where QEMU's comparers of packets say that a VM and its standby have not sent the same. QEMU connects to its socket, which is for this
/// user only; what it writes there is "DO_CHECKPOINT" in frames, and that it writes is all that counts.
/// </summary>
/// <remarks>Source: net/colo-compare.c (notify_dev). Without it a comparer has QEMU make checkpoints whose cuts nobody knows.</remarks>
internal sealed class ComparerNotices : IDisposable
{
    private readonly Socket _listener;
    private readonly string _path;
    private readonly CancellationTokenSource _ended = new();
    private int _isDifferent;

    /// <summary>Listens at once.</summary>
    /// <param name="path">The socket. A file that is there is replaced: it is of a dead controller, because the pair has one only.</param>
    public ComparerNotices(string path)
    {
        _path = path;
        _listener = UserSocket.Listen(path);
        _ = AcceptAsync();
    }

    /// <summary>Whether one has said so since the last time that this was asked.</summary>
    public bool Take() => Interlocked.Exchange(ref _isDifferent, 0) != 0;

    public void Dispose()
    {
        _ended.Cancel();
        _listener.Dispose();
        File.Delete(_path);
        _ended.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _ = ReadAsync(await _listener.AcceptAsync(_ended.Token));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // It has ended.
        }
    }

    private async Task ReadAsync(Socket comparer)
    {
        using var _ = comparer;
        var read = new byte[256];
        try
        {
            while (await comparer.ReceiveAsync(read, _ended.Token) > 0)
            {
                Interlocked.Exchange(ref _isDifferent, 1);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // Its QEMU has ended, or this has.
        }
    }
}
