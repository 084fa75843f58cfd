namespace Kumoi;

/// <summary>Orders names as people do: kvm2 before kvm10.</summary>
public sealed class NaturalOrder : IComparer<string>
{
    private readonly bool _ignoresCase;

    private NaturalOrder(bool ignoresCase) => _ignoresCase = ignoresCase;

    /// <summary>Case is ignored unless nothing else tells two names apart.</summary>
    public static NaturalOrder Instance { get; } = new(ignoresCase: false);

    /// <summary>Names that differ in case only are the same name: for hosts.</summary>
    public static NaturalOrder IgnoringCase { get; } = new(ignoresCase: true);

    public int Compare(string? x, string? y)
    {
        if (x is null || y is null)
        {
            return x is null ? (y is null ? 0 : -1) : 1;
        }

        int i = 0, j = 0;
        while (i < x.Length && j < y.Length)
        {
            if (char.IsAsciiDigit(x[i]) && char.IsAsciiDigit(y[j]))
            {
                var a = Number(x, ref i);
                var b = Number(y, ref j);
                var order = a.Length != b.Length ? a.Length.CompareTo(b.Length) : a.CompareTo(b, StringComparison.Ordinal);
                if (order != 0)
                {
                    return order;
                }
            }
            else
            {
                var order = char.ToUpperInvariant(x[i++]).CompareTo(char.ToUpperInvariant(y[j++]));
                if (order != 0)
                {
                    return order;
                }
            }
        }

        var rest = (x.Length - i).CompareTo(y.Length - j);
        return rest != 0 ? rest : string.Compare(x, y, _ignoresCase ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal);
    }

    /// <summary>
    /// The run of digits at <paramref name="at"/> without leading zeros: of two such runs the longer is the larger number.
    /// </summary>
    private static ReadOnlySpan<char> Number(string text, ref int at)
    {
        while (at < text.Length && text[at] == '0')
        {
            at++;
        }

        var start = at;
        while (at < text.Length && char.IsAsciiDigit(text[at]))
        {
            at++;
        }

        return text.AsSpan(start, at - start);
    }
}
