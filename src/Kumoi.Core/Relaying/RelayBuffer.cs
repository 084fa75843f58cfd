using System.Buffers;

namespace Kumoi.Relaying;

/// <summary>
/// A pooled block of a stream that several readers share: it is filled once, by one writer, and goes back to the pool when the writer and
/// all readers have released it.
/// </summary>
internal sealed class RelayBuffer
{
    private readonly byte[] _bytes;
    private int _holders = 1;

    private RelayBuffer(int size) => _bytes = ArrayPool<byte>.Shared.Rent(size);

    /// <summary>How many bytes have been written.</summary>
    public int Length { get; private set; }

    /// <summary>Where the writer may write.</summary>
    public Memory<byte> Free => _bytes.AsMemory(Length);

    public static RelayBuffer Rent(int size) => new(size);

    public ReadOnlyMemory<byte> Written(int offset, int length) => _bytes.AsMemory(offset, length);

    /// <summary>Says how much the writer wrote into <see cref="Free"/>.</summary>
    public void Advance(int length) => Length += length;

    /// <summary>By one who holds it already.</summary>
    public void Hold() => Interlocked.Increment(ref _holders);

    public void Release()
    {
        if (Interlocked.Decrement(ref _holders) == 0)
        {
            ArrayPool<byte>.Shared.Return(_bytes);
        }
    }
}
