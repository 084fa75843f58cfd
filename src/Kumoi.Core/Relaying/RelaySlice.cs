namespace Kumoi.Relaying;

/// <summary>A piece of a <see cref="RelayBuffer"/> that waits for one target; it holds the buffer.</summary>
internal readonly record struct RelaySlice(RelayBuffer Buffer, int Offset, int Length)
{
    public ReadOnlyMemory<byte> Bytes => Buffer.Written(Offset, Length);

    /// <summary>Whether the two can be sent as one.</summary>
    public bool IsFollowedBy(RelaySlice next) => ReferenceEquals(Buffer, next.Buffer) && Offset + Length == next.Offset;

    /// <summary>Both as one; <paramref name="next"/> gives up its hold on the buffer.</summary>
    public RelaySlice Join(RelaySlice next)
    {
        next.Buffer.Release();
        return this with { Length = Length + next.Length };
    }
}
