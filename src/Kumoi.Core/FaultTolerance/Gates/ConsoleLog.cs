namespace Kumoi.FaultTolerance.Gates;

/// <summary>
/// What the outside has seen of a pair's console: a file that only grows, and whose length is how far the output has gone out. So a
/// controller that goes on after another one's death knows it, whenever that one died.
/// </summary>
/// <remarks>
/// One writer at a time: a second one fails with <see cref="IOException"/>. The lock is a file of its own, so that anybody may read the
/// console while it grows.
/// </remarks>
internal sealed class ConsoleLog : IDisposable
{
    private readonly FileStream _lock;
    private readonly FileStream _file;

    public ConsoleLog(string path)
    {
        _lock = Open(path + ".lock", FileShare.None);
        _file = Open(path, FileShare.ReadWrite);
        _file.Seek(0, SeekOrigin.End);
    }

    /// <summary>How many bytes have gone out.</summary>
    public long Length => _file.Length;

    /// <summary>Appends output; what has gone out already is left out.</summary>
    /// <param name="from">Where the output begins, counted from the beginning of the pair.</param>
    /// <param name="output">What was put out from there.</param>
    /// <exception cref="InvalidOperationException">Output before it is missing. Nothing was appended.</exception>
    public void Append(long from, ReadOnlySpan<byte> output)
    {
        var length = Length;
        if (from > length)
        {
            throw new InvalidOperationException(FormattableString.Invariant($"The output from {length} to {from} is missing."));
        }

        if (from + output.Length > length)
        {
            _file.Write(output[(int)(length - from)..]);
        }
    }

    public void Dispose()
    {
        _file.Dispose();
        _lock.Dispose();
    }

    private static FileStream Open(string path, FileShare share)
    {
        var options = new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.Write, Share = share, BufferSize = 0 };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite; // a console can show secrets
        }

        return new FileStream(path, options);
    }
}
