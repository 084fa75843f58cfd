namespace Kumoi.FaultTolerance.Engines.LogReplay;

/// <summary>Sends what QEMU records to the backup, as it comes, mended.</summary>
internal sealed class LogStream : IAsyncDisposable
{
    /// <summary>
    /// QEMU writes a log in lots of 4 KiB: what it has recorded before a moment is in the log when so much more has come.
    /// </summary>
    public const int Lot = 4096 + 64;

    private const int Piece = 256 * 1024;

    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(10);

    // The version of the form of logs, which QEMU writes into a log when its recording ends: the same from QEMU 7.2 to 10.
    private static readonly byte[] Version = [0x00, 0xe0, 0x20, 0x0c];

    private readonly TimeProvider _time;
    private readonly FileStream _from;
    private readonly FileStream _to;
    private readonly CancellationTokenSource _end = new();
    private readonly LogMender _mender = new();
    private readonly Task _running;
    private long _sent;
    private long _added;

    /// <summary>Begins at once, from the log's beginning.</summary>
    /// <exception cref="IOException">One of the files cannot be used.</exception>
    public LogStream(string record, string log, TimeProvider time)
    {
        _time = time;
        _from = new FileStream(record, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        _to = new FileStream(log, FileMode.Create, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        _running = RunAsync();
    }

    /// <summary>How much QEMU has written.</summary>
    public long Recorded
    {
        get
        {
            try
            {
                return _from.Length;
            }
            catch (ObjectDisposedException)
            {
                return Sent; // whoever asks now asks for the last time
            }
        }
    }

    /// <summary>How much of that the backup has.</summary>
    public long Sent => Volatile.Read(ref _sent);

    /// <summary>How much longer the backup's log is than what it has of QEMU's.</summary>
    public long Added => Volatile.Read(ref _added);

    /// <summary>What was sent is on the backup's disk.</summary>
    public void Flush() => _to.Flush(flushToDisk: true);

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _from.DisposeAsync();
        await _to.DisposeAsync();
        _end.Dispose();
    }

    private async Task RunAsync()
    {
        var piece = new byte[Piece];
        var read = 0L;
        while (true)
        {
            var count = await _from.ReadAsync(piece, _end.Token);
            if (count == 0)
            {
                await Task.Delay(BetweenLooks, _time, _end.Token);
                continue;
            }

            if (read == 0)
            {
                Version.CopyTo(piece, 0); // a lot has come as a whole
            }

            read += count;
            await _to.WriteAsync(_mender.Mend(piece.AsSpan(0, count)), CancellationToken.None);
            Volatile.Write(ref _added, _mender.Added);
            Volatile.Write(ref _sent, read - _mender.Held);
        }
    }
}
