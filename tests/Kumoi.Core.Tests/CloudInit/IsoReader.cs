using System.Buffers.Binary;
using System.Text;
using Xunit;

namespace Kumoi.Tests.CloudInit;

/// <summary>Reads the root directory of a disc image: by Rock Ridge's names, or by Joliet's.</summary>
internal static class IsoReader
{
    private const int Sector = 2048;

    public static Dictionary<string, byte[]> Read(byte[] disc, int descriptor, bool isJoliet)
    {
        var volume = disc.AsSpan(descriptor * Sector, Sector);
        Assert.Equal("CD001", Encoding.ASCII.GetString(volume[1..6]));
        Assert.Equal(disc.Length / Sector, Both(volume[80..]));
        var directory = disc.AsSpan(Both(volume[158..]) * Sector, Both(volume[166..]));
        Dictionary<string, byte[]> files = new(StringComparer.Ordinal);
        for (var at = 0; directory[at] != 0; at += directory[at])
        {
            var record = directory.Slice(at, directory[at]);
            Assert.Equal(0, record.Length % 2);
            var name = record.Slice(33, record[32]);
            if ((record[25] & 2) != 0)
            {
                continue;
            }

            var use = 33 + name.Length + (name.Length % 2 == 0 ? 1 : 0);
            var text = isJoliet ? Encoding.BigEndianUnicode.GetString(name) : RockRidgeName(record[use..]);
            files.Add(text, disc.AsSpan(Both(record[2..]) * Sector, Both(record[10..])).ToArray());
        }

        return files;
    }

    private static string RockRidgeName(ReadOnlySpan<byte> entries)
    {
        for (var at = 0; at + 4 <= entries.Length && entries[at + 2] > 0; at += entries[at + 2])
        {
            if (entries[at] is (byte)'N' && entries[at + 1] is (byte)'M')
            {
                return Encoding.ASCII.GetString(entries[(at + 5)..(at + entries[at + 2])]);
            }
        }

        return "";
    }

    private static int Both(ReadOnlySpan<byte> field)
    {
        var value = BinaryPrimitives.ReadInt32LittleEndian(field);
        Assert.Equal(value, BinaryPrimitives.ReadInt32BigEndian(field[4..]));
        return value;
    }
}
