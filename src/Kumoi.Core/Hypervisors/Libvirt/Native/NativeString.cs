using System.Runtime.InteropServices;

namespace Kumoi.Hypervisors.Libvirt.Native;

internal static unsafe class NativeString
{
    /// <summary>Copies a string that libvirt hands over, and frees it.</summary>
    public static string? Take(byte* text)
    {
        if (text == null)
        {
            return null;
        }

        var copy = Marshal.PtrToStringUTF8((nint)text)!;
        NativeTypedParameters.Free(text);
        return copy;
    }

    /// <summary>The text of a fixed-size field, up to its first zero byte.</summary>
    public static ReadOnlySpan<byte> InField(byte* field, int size)
    {
        var whole = new ReadOnlySpan<byte>(field, size);
        var end = whole.IndexOf((byte)0);
        return end < 0 ? whole : whole[..end];
    }
}
