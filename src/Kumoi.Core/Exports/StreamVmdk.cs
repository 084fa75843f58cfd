using System.Buffers.Binary;
using System.IO.Compression;
using System.Numerics;
using System.Text;
using System.Text.RegularExpressions;
using Kumoi.Hypervisors;

namespace Kumoi.Exports;

/// <summary>
/// VMDKs as OVAs have them, "streamOptimized": compressed grains, each with its place, and tables of them
/// (VMware, Virtual Disk Format 5.0, https://github.com/libyal/libvmdk/blob/main/documentation). They are read here, and not by qemu-img:
/// that follows what a VMDK names on this computer, and is not everywhere.
/// </summary>
internal static partial class StreamVmdk
{
    public const uint Magic = 0x564d444b; // "KDMV", as bytes; little-endian

    private const int SectorBytes = 512;
    private const uint IsCompressed = 1 << 16;
    private const uint HasMarkers = 1 << 17;
    private const ulong DirectoryAtEnd = ulong.MaxValue;
    private const uint LastWithoutGrain = 1; // 0: nothing was written there; 1: zeros were
    private const ulong MaxGrainSectors = 2048;
    private const uint MaxTableEntries = 4096;
    private const ulong MaxDescriptorSectors = 128;
    private const ulong MaxSectors = 1UL << 37; // 64 TiB
    private const int EntryBytes = 4;

    // Offsets in the header, in bytes.
    private const int FlagsAt = 8;
    private const int CapacityAt = 12;
    private const int GrainAt = 20;
    private const int DescriptorAt = 28;
    private const int DescriptorSizeAt = 36;
    private const int TableEntriesAt = 44;
    private const int DirectoryAt = 56;

    // Of what is before the data of a grain, in bytes.
    private const int SizeAt = 8;
    private const int DataAt = 12;

    /// <summary>Where the second header is, which tells of the directory, in a file that was written in one go: from the end.</summary>
    private const int FooterFromEnd = 2 * SectorBytes;

    /// <summary>Whether the file begins as a VMDK does, of whatever kind.</summary>
    public static bool IsVmdk(PackageFile file)
    {
        Span<byte> begin = stackalloc byte[4];
        if (file.Length < SectorBytes)
        {
            return false;
        }

        file.ReadExactly(begin, 0);
        return BinaryPrimitives.ReadUInt32LittleEndian(begin) == Magic || begin.SequenceEqual("# Di"u8);
    }

    /// <summary>What a guest sees of it, in bytes.</summary>
    /// <exception cref="HypervisorException">InvalidSpecification: it is of another kind, or is built on another file.</exception>
    public static long ReadCapacity(PackageFile file) => At(ReadHeader(file).Sectors);

    /// <summary>Writes what a guest sees to a raw image, which takes up only the space that is used where the file system can.</summary>
    /// <param name="file">The VMDK.</param>
    /// <param name="path">The image.</param>
    /// <param name="progress">How much of the image there is.</param>
    /// <param name="cancellationToken">Then there is no image.</param>
    public static void Unpack(PackageFile file, string path, IProgress<CopyProgress>? progress, CancellationToken cancellationToken)
    {
        var header = ReadHeader(file);
        using var image = PartialFile.Create(path, replaces: false);
        var grain = new byte[(int)header.GrainSectors * SectorBytes];
        var packed = new byte[DataAt + (grain.Length * 2) + SectorBytes]; // what does not shrink grows by little
        var table = new byte[header.TableEntries * EntryBytes];
        Span<byte> entry = stackalloc byte[EntryBytes];
        var tableSectors = header.TableEntries * header.GrainSectors;
        for (ulong first = 0; first < header.Sectors; first += tableSectors)
        {
            cancellationToken.ThrowIfCancellationRequested();
            file.ReadExactly(entry, At(header.Directory) + ((long)(first / tableSectors) * EntryBytes));
            if (BinaryPrimitives.ReadUInt32LittleEndian(entry) is var tableAt && tableAt == 0)
            {
                continue;
            }

            file.ReadExactly(table, At(tableAt));
            for (var i = 0; i < header.TableEntries; i++)
            {
                var grainAt = BinaryPrimitives.ReadUInt32LittleEndian(table.AsSpan(i * EntryBytes));
                var sector = first + ((ulong)i * header.GrainSectors);
                if (grainAt <= LastWithoutGrain || sector >= header.Sectors)
                {
                    continue;
                }

                cancellationToken.ThrowIfCancellationRequested();
                var count = ReadGrain(file, At(grainAt), sector, packed, grain);
                var offset = At(sector);
                image.Write(grain, (int)Math.Min(count, At(header.Sectors) - offset), offset);
                progress?.Report(new CopyProgress(At(header.Sectors), offset));
            }
        }

        image.Complete(At(header.Sectors));
    }

    /// <summary>What a header says, in sectors.</summary>
    private readonly record struct Header(ulong Sectors, ulong GrainSectors, uint TableEntries, ulong Directory);

    private static long At(ulong sector) => (long)sector * SectorBytes;

    /// <summary>Each says where it belongs: so that none is written twice, however often a broken table names it.</summary>
    private static int ReadGrain(PackageFile file, long at, ulong sector, byte[] packed, byte[] grain)
    {
        file.ReadExactly(packed.AsSpan(0, DataAt), at);
        var size = BinaryPrimitives.ReadUInt32LittleEndian(packed.AsSpan(SizeAt));
        if (BinaryPrimitives.ReadUInt64LittleEndian(packed) != sector || size == 0 || size > packed.Length - DataAt)
        {
            throw Broken(file, "a part of it is not where it should be, or is too big");
        }

        file.ReadExactly(packed.AsSpan(0, (int)size), at + DataAt);
        return Inflate(file, packed.AsSpan(0, (int)size), grain);
    }

    private static Header ReadHeader(PackageFile file)
    {
        Span<byte> header = stackalloc byte[SectorBytes];
        file.ReadExactly(header, 0);
        EnsureKind(file, header);
        EnsureStandsAlone(
            file, BinaryPrimitives.ReadUInt64LittleEndian(header[DescriptorAt..]),
            BinaryPrimitives.ReadUInt64LittleEndian(header[DescriptorSizeAt..]));
        var sectors = BinaryPrimitives.ReadUInt64LittleEndian(header[CapacityAt..]);
        if (BinaryPrimitives.ReadUInt64LittleEndian(header[DirectoryAt..]) == DirectoryAtEnd)
        {
            file.ReadExactly(header, file.Length - FooterFromEnd);
            if (BinaryPrimitives.ReadUInt32LittleEndian(header) != Magic
                || BinaryPrimitives.ReadUInt64LittleEndian(header[CapacityAt..]) != sectors)
            {
                throw ExportErrors.Truncated(file.Name);
            }

            EnsureKind(file, header);
        }

        var grain = BinaryPrimitives.ReadUInt64LittleEndian(header[GrainAt..]);
        var entries = BinaryPrimitives.ReadUInt32LittleEndian(header[TableEntriesAt..]);
        var directory = BinaryPrimitives.ReadUInt64LittleEndian(header[DirectoryAt..]);
        return sectors is 0 or > MaxSectors || grain is 0 or > MaxGrainSectors || !BitOperations.IsPow2(grain)
            || entries is 0 or > MaxTableEntries || directory == 0 || directory > (ulong)file.Length / SectorBytes
            ? throw Broken(file, "its header says impossible sizes") : new Header(sectors, grain, entries, directory);
    }

    private static void EnsureKind(PackageFile file, ReadOnlySpan<byte> header)
    {
        var flags = BinaryPrimitives.ReadUInt32LittleEndian(header[FlagsAt..]);
        if (BinaryPrimitives.ReadUInt32LittleEndian(header) != Magic
            || (flags & (IsCompressed | HasMarkers)) != (IsCompressed | HasMarkers))
        {
            throw ExportErrors.Refuse(
                $"The disk '{Visible.Text(file.Name)}' is a VMDK of another kind than 'streamOptimized', which OVAs have.",
                "Convert it: qemu-img convert -f vmdk -O vmdk -o subformat=streamOptimized OLD NEW. qemu-img comes with QEMU "
                    + "(qemu-utils, qemu-img).");
        }
    }

    /// <summary>The descriptor can name another file, on which this one is built.</summary>
    private static void EnsureStandsAlone(PackageFile file, ulong at, ulong count)
    {
        if (at == 0 || count == 0)
        {
            return;
        }

        if (count > MaxDescriptorSectors || at > (ulong)file.Length / SectorBytes)
        {
            throw Broken(file, "its header says impossible sizes");
        }

        var text = new byte[(int)count * SectorBytes];
        file.ReadExactly(text, At(at));
        if (Parent().IsMatch(Encoding.Latin1.GetString(text)))
        {
            throw ExportErrors.Refuse(
                $"The disk '{Visible.Text(file.Name)}' is built on another file, without which it is of no use.",
                "Export the VM again with whole disks.");
        }
    }

    private static int Inflate(PackageFile file, ReadOnlySpan<byte> packed, byte[] grain)
    {
        try
        {
            using var stream = new ZLibStream(new MemoryStream(packed.ToArray()), CompressionMode.Decompress);
            var count = stream.ReadAtLeast(grain, grain.Length, throwOnEndOfStream: false);
            return count > 0 && stream.ReadByte() < 0 ? count : throw Broken(file, "a part of it is bigger than it may be, or empty");
        }
        catch (InvalidDataException e)
        {
            throw Broken(file, "a part of it cannot be unpacked", e);
        }
    }

    private static HypervisorException Broken(PackageFile file, string why, Exception? inner = null) => ExportErrors.Refuse(
        $"The disk '{Visible.Text(file.Name)}' is a broken VMDK: {why}.", "Get it again, or export the VM again.", inner);

    [GeneratedRegex(
        @"^\s*(parentFileNameHint\s*=|parentCID\s*=\s*(?!ffffffff))", RegexOptions.Multiline | RegexOptions.IgnoreCase
        | RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Parent();
}
