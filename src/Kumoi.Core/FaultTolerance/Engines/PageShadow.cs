using System.Buffers.Binary;

namespace Kumoi.FaultTolerance.Engines;

/// <summary>
/// A copy of a VM's memory as it was at the last look, and which pages the backup does not have as they are in it. A page counts as sent
/// only when the checkpoint that it went with is committed.
/// </summary>
internal sealed class PageShadow
{
    private const int ChunkPages = 256;

    private readonly byte[][] _copy;
    private readonly bool[] _isUnsent;

    /// <summary>What the backup has.</summary>
    public PageShadow(SharedMemory backup)
    {
        _copy = new byte[(backup.Pages + ChunkPages - 1) / ChunkPages][];
        for (var chunk = 0; chunk < _copy.Length; chunk++)
        {
            _copy[chunk] = new byte[ChunkPages * SharedMemory.PageBytes];
        }

        _isUnsent = new bool[backup.Pages];
        for (var number = 0; number < backup.Pages; number++)
        {
            backup.Page(number).CopyTo(Of(number));
        }
    }

    /// <summary>Takes what has changed since. The VM stands still meanwhile.</summary>
    public void Look(SharedMemory memory)
    {
        for (var number = 0; number < _isUnsent.Length; number++)
        {
            var now = memory.Page(number);
            var before = Of(number);
            if (!now.SequenceEqual(before))
            {
                now.CopyTo(before);
                _isUnsent[number] = true;
            }
        }
    }

    /// <summary>Writes the pages that the backup does not have: for each its number, and what is in it. Returns how many.</summary>
    public int Write(Stream stream)
    {
        Span<byte> head = stackalloc byte[sizeof(int)];
        var count = 0;
        for (var number = 0; number < _isUnsent.Length; number++)
        {
            if (_isUnsent[number])
            {
                BinaryPrimitives.WriteInt32LittleEndian(head, number);
                stream.Write(head);
                stream.Write(Of(number));
                count++;
            }
        }

        return count;
    }

    /// <summary>What was written last is with the backup.</summary>
    public void Sent() => Array.Clear(_isUnsent);

    /// <summary>Puts written pages into a memory. Doing it again changes nothing.</summary>
    public static void Apply(Stream stream, SharedMemory memory)
    {
        var record = new byte[sizeof(int) + SharedMemory.PageBytes];
        while (stream.ReadAtLeast(record, record.Length, throwOnEndOfStream: false) == record.Length)
        {
            memory.Write(BinaryPrimitives.ReadInt32LittleEndian(record), record.AsSpan(sizeof(int)));
        }
    }

    private Span<byte> Of(int number) =>
        _copy[number / ChunkPages].AsSpan(number % ChunkPages * SharedMemory.PageBytes, SharedMemory.PageBytes);
}
