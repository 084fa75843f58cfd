using System.Runtime.InteropServices;

namespace Kumoi.Hypervisors.Libvirt.Native;

/// <summary>libvirt-common: virTypedParameter.</summary>
[StructLayout(LayoutKind.Explicit, Size = 96)]
internal unsafe struct VirTypedParameter
{
    public const int TypeInt = 1;
    public const int TypeUInt = 2;
    public const int TypeLong = 3;
    public const int TypeULong = 4;
    public const int TypeString = 7;

    [FieldOffset(0)]
    public fixed byte Field[80];

    [FieldOffset(80)]
    public int Type;

    [FieldOffset(88)]
    public int Int;

    [FieldOffset(88)]
    public uint UInt;

    [FieldOffset(88)]
    public long Long;

    [FieldOffset(88)]
    public ulong ULong;

    /// <summary>UTF-8, with a zero byte at its end.</summary>
    [FieldOffset(88)]
    public nint String;

    /// <summary>The value of any of the integer types; 0 for the others, and for what does not fit.</summary>
    public readonly long AsInt64 => Type switch
    {
        TypeInt => Int,
        TypeUInt => UInt,
        TypeLong => Long,
        TypeULong when ULong <= long.MaxValue => (long)ULong,
        _ => 0,
    };
}
