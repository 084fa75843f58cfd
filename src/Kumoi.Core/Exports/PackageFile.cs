using System.Security.Cryptography;
using System.Text;
using Kumoi.Hypervisors;
using Microsoft.Win32.SafeHandles;

namespace Kumoi.Exports;

/// <summary>A file of a package that is imported: a file of this computer, or a part of one (of a TAR).</summary>
internal sealed class PackageFile : IDisposable
{
    private const int PieceBytes = 1 << 20;

    private readonly SafeFileHandle _handle;
    private readonly long _offset;

    private PackageFile(SafeFileHandle handle, string name, long offset, long length)
    {
        (_handle, _offset) = (handle, offset);
        (Name, Length) = (name, length);
    }

    /// <summary>Its name in the package.</summary>
    public string Name { get; }

    public long Length { get; }

    /// <summary>Opens it for reading.</summary>
    /// <param name="path">The file of this computer.</param>
    /// <param name="name">Its name in the package.</param>
    /// <param name="offset">Where it begins there.</param>
    /// <param name="length">How long it is; null: to the file's end.</param>
    public static PackageFile Open(string path, string name, long offset = 0, long? length = null)
    {
        try
        {
            var handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read, FileOptions.SequentialScan);
            var whole = RandomAccess.GetLength(handle);
            if (offset + (length ?? 0) > whole)
            {
                handle.Dispose();
                throw ExportErrors.Truncated(path);
            }

            return new PackageFile(handle, name, offset, length ?? whole - offset);
        }
        catch (Exception e) when (ExportErrors.IsOfFiles(e))
        {
            throw ExportErrors.Unreadable(path, e);
        }
    }

    /// <summary>Fills the buffer, or fails: the file ends before.</summary>
    public void ReadExactly(Span<byte> buffer, long at)
    {
        if (at < 0 || at > Length - buffer.Length)
        {
            throw ExportErrors.Truncated(Name);
        }

        try
        {
            for (var read = 0; read < buffer.Length;)
            {
                var count = RandomAccess.Read(_handle, buffer[read..], _offset + at + read);
                read += count > 0 ? count : throw ExportErrors.Truncated(Name);
            }
        }
        catch (Exception e) when (ExportErrors.IsOfFiles(e))
        {
            throw ExportErrors.Unreadable(Name, e);
        }
    }

    /// <summary>All of it, as UTF-8.</summary>
    public string ReadText(int most)
    {
        if (Length > most)
        {
            throw ExportErrors.Refuse(
                $"'{Visible.Text(Name)}' has {Length} bytes: more than {most} are not read.", "It may not be what it is called.");
        }

        var bytes = new byte[Length];
        ReadExactly(bytes, 0);
        using var reader = new StreamReader(new MemoryStream(bytes), Encoding.UTF8, detectEncodingFromByteOrderMarks: true);
        return reader.ReadToEnd();
    }

    /// <summary>The digest of all of it, in lower-case hexadecimal digits.</summary>
    public string Digest(HashAlgorithmName algorithm, CancellationToken cancellationToken)
    {
        using var hash = IncrementalHash.CreateHash(algorithm);
        var piece = new byte[PieceBytes];
        for (var at = 0L; at < Length;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var count = (int)Math.Min(piece.Length, Length - at);
            ReadExactly(piece.AsSpan(0, count), at);
            hash.AppendData(piece, 0, count);
            at += count;
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Writes all of it to a file of this computer. Pages of zeros take up no space there where the file system can.</summary>
    public void CopyTo(string path, CancellationToken cancellationToken)
    {
        using var file = PartialFile.Create(path, replaces: false);
        var piece = new byte[PieceBytes];
        for (var at = 0L; at < Length;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var count = (int)Math.Min(piece.Length, Length - at);
            ReadExactly(piece.AsSpan(0, count), at);
            if (piece.AsSpan(0, count).IndexOfAnyExcept((byte)0) >= 0)
            {
                file.Write(piece, count, at);
            }

            at += count;
        }

        file.Complete(Length);
    }

    public void Dispose() => _handle.Dispose();
}
