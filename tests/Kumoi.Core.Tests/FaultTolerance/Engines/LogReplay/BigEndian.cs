using System.Buffers.Binary;

namespace Kumoi.Tests.FaultTolerance.Engines.LogReplay;

/// <summary>Numbers as QEMU writes them into states and recordings.</summary>
internal static class BigEndian
{
    public static byte[] Number(int value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, value);
        return bytes;
    }

    public static byte[] Wide(long value)
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteInt64BigEndian(bytes, value);
        return bytes;
    }
}
