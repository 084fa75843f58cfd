using System.Runtime.InteropServices;
using System.Text;

namespace Kumoi.Hypervisors.Libvirt.Native;

/// <summary>Parameters for a call of libvirt, with their strings, in memory of this process.</summary>
/// <param name="capacity">How many there can be.</param>
internal sealed unsafe class TypedParameterList(int capacity = TypedParameterList.UsualCapacity) : IDisposable
{
    private const int UsualCapacity = 8;
    private const int FieldBytes = 80;

    /// <summary>The first one, for as long as this is not disposed.</summary>
    public VirTypedParameter* First { get; } =
        (VirTypedParameter*)NativeMemory.AllocZeroed((nuint)capacity, (nuint)sizeof(VirTypedParameter));

    public int Count { get; private set; }

    /// <summary>Null: not given.</summary>
    public TypedParameterList Add(ReadOnlySpan<byte> field, string? value)
    {
        if (value is not null)
        {
            var next = Next(field, VirTypedParameter.TypeString);
            next->String = Marshal.StringToCoTaskMemUTF8(value);
        }

        return this;
    }

    /// <summary>Null: not given.</summary>
    public TypedParameterList Add(ReadOnlySpan<byte> field, ulong? value)
    {
        if (value is { } number)
        {
            Next(field, VirTypedParameter.TypeULong)->ULong = number;
        }

        return this;
    }

    public void Dispose()
    {
        for (var i = 0; i < Count; i++)
        {
            if (First[i].Type == VirTypedParameter.TypeString)
            {
                Marshal.FreeCoTaskMem(First[i].String);
            }
        }

        Count = 0;
        NativeMemory.Free(First);
    }

    private VirTypedParameter* Next(ReadOnlySpan<byte> field, int type)
    {
        if (Count == capacity)
        {
            throw new InvalidOperationException($"More than {capacity} parameters: {Encoding.UTF8.GetString(field)}.");
        }

        var next = First + Count++;
        next->Type = type;
        field.CopyTo(new Span<byte>(next->Field, FieldBytes - 1));
        return next;
    }
}
