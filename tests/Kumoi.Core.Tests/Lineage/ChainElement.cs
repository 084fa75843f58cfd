namespace Kumoi.Tests.Lineage;

/// <summary>A number of a source, or a pair of such. The path tells which Selects it went through.</summary>
internal sealed record ChainElement(
    IReadOnlyList<int> Numbers, string Key, string Path, ulong Position, ChainElement? Left = null, ChainElement? Right = null)
{
    public static ChainElement Of(int number, ulong position) =>
        new([number], number.ToString(System.Globalization.CultureInfo.InvariantCulture), "", position);

    public static ChainElement Pair(ChainElement left, ChainElement right) => new(
        [.. left.Numbers, .. right.Numbers],
        $"({left.Key}, {right.Key})",
        $"({left.Path},{right.Path})",
        unchecked((left.Position * 0x1_0000_0001) + right.Position),
        left,
        right);

    public ChainElement Through(int op) => this with { Path = Path + "/" + op };

    public bool Equals(ChainElement? other) => other is not null && Key == other.Key;

    public override int GetHashCode() => Key.GetHashCode(StringComparison.Ordinal);

    public override string ToString() => Key;
}
