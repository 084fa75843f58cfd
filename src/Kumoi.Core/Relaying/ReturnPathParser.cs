using System.Buffers.Binary;

namespace Kumoi.Relaying;

/// <summary>
/// Cuts what a target says on its return path into messages, however they were split on their way: 2 bytes type, 2 bytes length, then as
/// many bytes; all big endian (QEMU's migration/migration.c: source_return_path_thread).
/// </summary>
internal sealed class ReturnPathParser
{
    private const int HeaderBytes = 4;
    private const ushort Shut = 1; // MIG_RP_MSG_SHUT

    private readonly List<byte> _rest = [];

    /// <summary>The messages that are whole now, in their order.</summary>
    public IEnumerable<byte[]> Add(ReadOnlyMemory<byte> bytes)
    {
        _rest.AddRange(bytes.Span);
        while (_rest.Count >= HeaderBytes)
        {
            var length = HeaderBytes + ((_rest[2] << 8) | _rest[3]);
            if (_rest.Count < length)
            {
                break;
            }

            byte[] message = [.. _rest[..length]];
            _rest.RemoveRange(0, length);
            yield return message;
        }
    }

    /// <summary>
    /// What a target says when it has loaded the whole state: 0, or an error's number; null for every other message.
    /// </summary>
    public static int? ShutValue(ReadOnlySpan<byte> message) =>
        BinaryPrimitives.ReadUInt16BigEndian(message) == Shut && message.Length >= HeaderBytes + sizeof(int)
            ? BinaryPrimitives.ReadInt32BigEndian(message[HeaderBytes..])
            : null;
}
