using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Kumoi.CloudInit;

/// <summary>
/// Writes small disc images with files in one directory: ISO 9660 (ECMA-119), with the files' own names by Rock Ridge (IEEE P1282, of which
/// Linux reads the version of 1991) and by Joliet, for systems that read only one of them.
/// </summary>
internal static class IsoImage
{
    private const int Sector = 2048;
    private const int FirstDescriptor = 16;
    private const int PathTables = 19; // of both trees, each in both byte orders
    private const int PlainDirectory = PathTables + 4;
    private const int JolietDirectory = PlainDirectory + 1;
    private const int FirstFile = JolietDirectory + 1;
    private const int DirectoryMode = 0x416D; // directory, r-xr-xr-x
    private const int FileMode = 0x8124; // file, r--r--r--

    /// <summary>The whole image.</summary>
    /// <param name="label">The volume's name, 1 to 16 ASCII characters.</param>
    /// <param name="files">Names, of ASCII letters, digits and '-', that differ in their first eight letters and digits.</param>
    /// <param name="at">When it was made.</param>
    public static byte[] Build(string label, IReadOnlyDictionary<string, byte[]> files, DateTimeOffset at)
    {
        var sorted = files.OrderBy(static file => PlainName(file.Key), StringComparer.Ordinal).ToList();
        var sectors = sorted.Select(static file => Math.Max(1, (file.Value.Length + Sector - 1) / Sector)).ToList();
        var total = FirstFile + sectors.Sum();
        var image = new byte[total * Sector];
        WriteDescriptor(image.AsSpan(FirstDescriptor * Sector, Sector), label, total, isJoliet: false, at);
        WriteDescriptor(image.AsSpan((FirstDescriptor + 1) * Sector, Sector), label, total, isJoliet: true, at);
        var end = image.AsSpan((FirstDescriptor + 2) * Sector, Sector);
        end[0] = 255;
        WriteIdentifier(end);
        WritePathTable(image.AsSpan(PathTables * Sector), PlainDirectory, isBigEndian: false);
        WritePathTable(image.AsSpan((PathTables + 1) * Sector), PlainDirectory, isBigEndian: true);
        WritePathTable(image.AsSpan((PathTables + 2) * Sector), JolietDirectory, isBigEndian: false);
        WritePathTable(image.AsSpan((PathTables + 3) * Sector), JolietDirectory, isBigEndian: true);

        var plain = new Directory(PlainDirectory, at);
        plain.Add([0], PlainDirectory, Sector, isDirectory: true, [.. SharingProtocol(), .. Attributes(DirectoryMode, 2), .. RockRidge()]);
        plain.Add([1], PlainDirectory, Sector, isDirectory: true, Attributes(DirectoryMode, 2));
        var joliet = new Directory(JolietDirectory, at);
        joliet.Add([0], JolietDirectory, Sector, isDirectory: true, []);
        joliet.Add([1], JolietDirectory, Sector, isDirectory: true, []);
        var next = FirstFile;
        for (var i = 0; i < sorted.Count; i++)
        {
            var (name, content) = sorted[i];
            content.CopyTo(image, next * Sector);
            plain.Add(
                Encoding.ASCII.GetBytes(PlainName(name)), next, content.Length, isDirectory: false,
                [.. Attributes(FileMode, 1), .. AlternateName(name)]);
            joliet.Add(Encoding.BigEndianUnicode.GetBytes(name), next, content.Length, isDirectory: false, []);
            next += sectors[i];
        }

        plain.CopyTo(image);
        joliet.CopyTo(image);
        return image;
    }

    /// <summary>Eight capital letters and digits at most, as the oldest readers want it: their order is that of the directory.</summary>
    private static string PlainName(string name) =>
        string.Concat(name.Where(char.IsAsciiLetterOrDigit).Take(8)).ToUpperInvariant() + ".;1";

    private static void WriteDescriptor(Span<byte> at, string label, int total, bool isJoliet, DateTimeOffset made)
    {
        at[0] = isJoliet ? (byte)2 : (byte)1;
        WriteIdentifier(at);
        WriteText(at[8..40], "", isJoliet);
        WriteText(at[40..72], label, isJoliet);
        WriteBoth32(at[80..], total);
        if (isJoliet)
        {
            "%/E"u8.CopyTo(at[88..]); // UCS-2, level 3
        }

        WriteBoth16(at[120..], 1);
        WriteBoth16(at[124..], 1);
        WriteBoth16(at[128..], Sector);
        WriteBoth32(at[132..], PathTableBytes);
        var tables = PathTables + (isJoliet ? 2 : 0);
        BinaryPrimitives.WriteInt32LittleEndian(at[140..], tables);
        BinaryPrimitives.WriteInt32BigEndian(at[148..], tables + 1);
        var root = isJoliet ? JolietDirectory : PlainDirectory;
        var record = Record([0], root, Sector, isDirectory: true, [], made);
        record.CopyTo(at[156..]);
        WriteText(at[190..318], "", isJoliet);
        WriteText(at[318..446], "", isJoliet);
        WriteText(at[446..574], "KUMOI", isJoliet);
        WriteText(at[574..702], "", isJoliet);
        WriteText(at[702..739], "", isJoliet);
        WriteText(at[739..776], "", isJoliet);
        WriteText(at[776..813], "", isJoliet);
        var date = Encoding.ASCII.GetBytes(made.UtcDateTime.ToString("yyyyMMddHHmmss'00'", CultureInfo.InvariantCulture));
        date.CopyTo(at[813..]);
        date.CopyTo(at[830..]);
        at[847..863].Fill((byte)'0'); // it never expires
        date.CopyTo(at[864..]);
        at[881] = 1;
    }

    private const int PathTableBytes = 10;

    private static void WriteIdentifier(Span<byte> at)
    {
        "CD001"u8.CopyTo(at[1..]);
        at[6] = 1;
    }

    /// <summary>Filled with spaces; a field of odd length keeps a zero at its end in UCS-2.</summary>
    private static void WriteText(Span<byte> at, string text, bool isJoliet)
    {
        if (!isJoliet)
        {
            at.Fill((byte)' ');
            Encoding.ASCII.GetBytes(text, at);
            return;
        }

        Encoding.BigEndianUnicode.GetBytes(text.PadRight(at.Length / 2), at);
    }

    /// <summary>The root alone.</summary>
    private static void WritePathTable(Span<byte> at, int directory, bool isBigEndian)
    {
        at[0] = 1;
        if (isBigEndian)
        {
            BinaryPrimitives.WriteInt32BigEndian(at[2..], directory);
            BinaryPrimitives.WriteInt16BigEndian(at[6..], 1);
        }
        else
        {
            BinaryPrimitives.WriteInt32LittleEndian(at[2..], directory);
            BinaryPrimitives.WriteInt16LittleEndian(at[6..], 1);
        }
    }

    private static byte[] Record(byte[] name, int sector, int length, bool isDirectory, byte[] systemUse, DateTimeOffset at)
    {
        var use = 33 + name.Length + ((name.Length & 1) == 0 ? 1 : 0);
        var record = new byte[use + systemUse.Length + (systemUse.Length & 1)];
        record[0] = checked((byte)record.Length);
        WriteBoth32(record.AsSpan(2), sector);
        WriteBoth32(record.AsSpan(10), length);
        var utc = at.UtcDateTime;
        ReadOnlySpan<byte> date =
            [(byte)(utc.Year - 1900), (byte)utc.Month, (byte)utc.Day, (byte)utc.Hour, (byte)utc.Minute, (byte)utc.Second, 0];
        date.CopyTo(record.AsSpan(18));
        record[25] = isDirectory ? (byte)2 : (byte)0;
        WriteBoth16(record.AsSpan(28), 1);
        record[32] = (byte)name.Length;
        name.CopyTo(record, 33);
        systemUse.CopyTo(record, use);
        return record;
    }

    private static byte[] SharingProtocol() => [(byte)'S', (byte)'P', 7, 1, 0xBE, 0xEF, 0];

    private static byte[] RockRidge() => [(byte)'E', (byte)'R', 18, 1, 10, 0, 0, 1, .. "RRIP_1991A"u8];

    /// <summary>Mode and links; owner and group are root.</summary>
    private static byte[] Attributes(int mode, int links)
    {
        var entry = new byte[36];
        ((ReadOnlySpan<byte>)[(byte)'P', (byte)'X', 36, 1]).CopyTo(entry);
        WriteBoth32(entry.AsSpan(4), mode);
        WriteBoth32(entry.AsSpan(12), links);
        return entry;
    }

    private static byte[] AlternateName(string name) =>
        [(byte)'N', (byte)'M', (byte)(5 + name.Length), 1, 0, .. Encoding.ASCII.GetBytes(name)];

    private static void WriteBoth16(Span<byte> at, short value)
    {
        BinaryPrimitives.WriteInt16LittleEndian(at, value);
        BinaryPrimitives.WriteInt16BigEndian(at[2..], value);
    }

    private static void WriteBoth32(Span<byte> at, int value)
    {
        BinaryPrimitives.WriteInt32LittleEndian(at, value);
        BinaryPrimitives.WriteInt32BigEndian(at[4..], value);
    }

    /// <summary>One sector of records.</summary>
    private sealed class Directory(int sector, DateTimeOffset at)
    {
        private readonly byte[] _records = new byte[Sector];
        private int _length;

        public void Add(byte[] name, int atSector, int length, bool isDirectory, byte[] systemUse)
        {
            var record = Record(name, atSector, length, isDirectory, systemUse, at);
            record.CopyTo(_records, _length);
            _length += record.Length;
        }

        public void CopyTo(byte[] image) => _records.CopyTo(image, sector * Sector);
    }
}
