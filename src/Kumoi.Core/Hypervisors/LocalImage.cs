using System.Buffers.Binary;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Kumoi.Hypervisors;

/// <summary>A file of this computer that is to become a volume. What is wrong with it is a failure of domain VM: no other host helps.</summary>
internal sealed class LocalImage : IDisposable
{
    // The header of qcow2 (https://gitlab.com/qemu-project/qemu/-/blob/master/docs/interop/qcow2.rst), in bytes, big-endian.
    private const uint Magic = 0x514649fb;
    private const int VersionAt = 4;
    private const int BackingAt = 8;
    private const int BackingLengthAt = 16;
    private const int CapacityAt = 24;
    private const int FeaturesAt = 72;
    private const int HeaderBytes = 80;
    private const ulong HasDataFile = 1 << 2;
    private const int MaxBackingBytes = 1023;

    private readonly SafeFileHandle _file;
    private readonly string _path;

    private LocalImage(SafeFileHandle file, string path)
    {
        _file = file;
        _path = path;
        Length = RandomAccess.GetLength(file);
        CapacityBytes = Length;
    }

    /// <summary>What it had when it was opened, in bytes.</summary>
    public long Length { get; }

    /// <summary><c>qcow2</c> or <c>raw</c>, by its header, as a storage pool would see it.</summary>
    public string Format { get; private set; } = "raw";

    /// <summary>What a guest would see.</summary>
    public long CapacityBytes { get; private set; }

    /// <summary>What its header says that it is built on; null: it stands for itself.</summary>
    public string? Backing { get; private set; }

    /// <summary>Opens the file for reading.</summary>
    /// <exception cref="HypervisorException">InvalidSpecification: it cannot be read, is empty, or keeps its data elsewhere.</exception>
    public static LocalImage Open(string path)
    {
        LocalImage? image = null;
        try
        {
            image = new LocalImage(
                File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read, FileOptions.SequentialScan), path);
            if (image.Length == 0)
            {
                throw Refuse($"'{Visible.Text(path)}' is empty, or no file.", "Give the path of an image.");
            }

            image.ReadHeader();
            return image;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            image?.Dispose();
            throw Unreadable(path, e);
        }
        catch
        {
            image?.Dispose();
            throw;
        }
    }

    /// <summary>How many bytes were read: as many as there is room for. Fewer than it had when it was opened is a failure.</summary>
    public int Read(Span<byte> buffer, long offset)
    {
        var wanted = (int)Math.Min(buffer.Length, Length - offset);
        try
        {
            for (var read = 0; read < wanted;)
            {
                var count = RandomAccess.Read(_file, buffer[read..wanted], offset + read);
                if (count == 0)
                {
                    throw Changed();
                }

                read += count;
            }

            return wanted;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(_path, e);
        }
    }

    /// <summary>Fails if it has become longer.</summary>
    public void EnsureUnchanged()
    {
        if (RandomAccess.GetLength(_file) != Length)
        {
            throw Changed();
        }
    }

    public void Dispose() => _file.Dispose();

    private void ReadHeader()
    {
        Span<byte> header = stackalloc byte[HeaderBytes];
        if (Length < HeaderBytes || Read(header, 0) < HeaderBytes || BinaryPrimitives.ReadUInt32BigEndian(header) != Magic)
        {
            return;
        }

        Format = "qcow2";
        CapacityBytes = BinaryPrimitives.ReadInt64BigEndian(header[CapacityAt..]);
        if (BinaryPrimitives.ReadUInt32BigEndian(header[VersionAt..]) >= 3
            && (BinaryPrimitives.ReadUInt64BigEndian(header[FeaturesAt..]) & HasDataFile) != 0)
        {
            throw Refuse(
                $"'{Visible.Text(_path)}' keeps its data in another file: alone it is of no use.",
                "Make one file of it: qemu-img convert -O qcow2.");
        }

        var at = BinaryPrimitives.ReadInt64BigEndian(header[BackingAt..]);
        var length = BinaryPrimitives.ReadUInt32BigEndian(header[BackingLengthAt..]);
        if (at > 0 && length is > 0 and <= MaxBackingBytes && at <= Length - length)
        {
            var name = new byte[length];
            Read(name, at);
            Backing = Encoding.UTF8.GetString(name);
        }
    }

    private HypervisorException Changed() => Refuse(
        $"'{Visible.Text(_path)}' was changed while it was read.", "Try again when nobody writes to it.");

    private static HypervisorException Unreadable(string path, Exception e) => new(
        $"Cannot read '{Visible.Text(path)}': {e.Message}", FaultDomain.VM, error: HypervisorError.InvalidSpecification,
        recommendedAction: "Give the path of an image on this computer that you may read.", innerException: e);

    private static HypervisorException Refuse(string message, string action) =>
        new(message, FaultDomain.VM, error: HypervisorError.InvalidSpecification, recommendedAction: action);
}
