using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace Kumoi.Tests.Exports;

/// <summary>Writes streamOptimized VMDKs, as programs do that write in one go: the tables come last.</summary>
internal static class VmdkFile
{
    public const int SectorBytes = 512;
    public const int GrainSectors = 128;
    public const int TableEntries = 512;
    private const uint Magic = 0x564d444b;

    public static byte[] Write(byte[] content, string descriptor = "# Disk DescriptorFile\nparentCID=ffffffff\n")
    {
        var file = new MemoryStream();
        var sectors = (ulong)(content.Length / SectorBytes);
        file.Write(Header(sectors, ulong.MaxValue));
        var text = new byte[SectorBytes];
        Encoding.ASCII.GetBytes(descriptor).CopyTo(text, 0);
        file.Write(text);
        Pad(file, GrainSectors * SectorBytes);
        var tables = new List<byte[]>();
        for (var first = 0; first < content.Length; first += TableEntries * GrainSectors * SectorBytes)
        {
            tables.Add(new byte[TableEntries * 4]);
            for (var i = 0; i < TableEntries; i++)
            {
                var at = first + (i * GrainSectors * SectorBytes);
                if (at >= content.Length)
                {
                    break;
                }

                var grain = content.AsSpan(at, Math.Min(GrainSectors * SectorBytes, content.Length - at));
                if (grain.IndexOfAnyExcept((byte)0) >= 0)
                {
                    BinaryPrimitives.WriteUInt32LittleEndian(tables[^1].AsSpan(i * 4), (uint)(file.Position / SectorBytes));
                    WriteGrain(file, (ulong)(at / SectorBytes), grain);
                }
            }
        }

        var directory = new byte[SectorBytes];
        for (var i = 0; i < tables.Count; i++)
        {
            file.Write(Marker(4, 1));
            BinaryPrimitives.WriteUInt32LittleEndian(directory.AsSpan(i * 4), (uint)(file.Position / SectorBytes));
            file.Write(tables[i]);
        }

        file.Write(Marker(1, 2));
        var directoryAt = (ulong)(file.Position / SectorBytes);
        file.Write(directory);
        file.Write(Marker(1, 3));
        file.Write(Header(sectors, directoryAt));
        file.Write(Marker(0, 0));
        return file.ToArray();
    }

    private static void WriteGrain(MemoryStream file, ulong sector, ReadOnlySpan<byte> grain)
    {
        var packed = new MemoryStream();
        using (var stream = new ZLibStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            stream.Write(grain);
        }

        var head = new byte[12];
        BinaryPrimitives.WriteUInt64LittleEndian(head, sector);
        BinaryPrimitives.WriteUInt32LittleEndian(head.AsSpan(8), (uint)packed.Length);
        file.Write(head);
        packed.WriteTo(file);
        Pad(file, SectorBytes);
    }

    private static byte[] Header(ulong sectors, ulong directory)
    {
        var header = new byte[SectorBytes];
        BinaryPrimitives.WriteUInt32LittleEndian(header, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(4), 3);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(8), 0x30001);
        BinaryPrimitives.WriteUInt64LittleEndian(header.AsSpan(12), sectors);
        BinaryPrimitives.WriteUInt64LittleEndian(header.AsSpan(20), GrainSectors);
        BinaryPrimitives.WriteUInt64LittleEndian(header.AsSpan(28), 1);
        BinaryPrimitives.WriteUInt64LittleEndian(header.AsSpan(36), 1);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(44), TableEntries);
        BinaryPrimitives.WriteUInt64LittleEndian(header.AsSpan(56), directory);
        BinaryPrimitives.WriteUInt64LittleEndian(header.AsSpan(64), GrainSectors);
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(77), 1);
        return header;
    }

    private static byte[] Marker(ulong sectors, uint kind)
    {
        var marker = new byte[SectorBytes];
        BinaryPrimitives.WriteUInt64LittleEndian(marker, sectors);
        BinaryPrimitives.WriteUInt32LittleEndian(marker.AsSpan(12), kind);
        return marker;
    }

    private static void Pad(MemoryStream file, int to) => file.Write(new byte[(to - (int)(file.Position % to)) % to]);
}
