namespace Kumoi.PowerShell.Parameters;

/// <summary>
/// A name as it was given. It is first what it says: an exact match goes before one that differs by case, and that before a pattern.
/// </summary>
internal sealed class NameText
{
    private readonly NamePattern? _pattern;

    /// <summary>Of a text.</summary>
    /// <param name="text">As it was given.</param>
    /// <param name="isLiteral">It is a name and never a pattern: it came out of a row, and nobody has typed it.</param>
    public NameText(string text, bool isLiteral = false)
    {
        Text = text;
        Literal = text;
        if (!isLiteral)
        {
            _pattern = NamePattern.Parse(text, out var literal);
            Literal = literal;
        }
    }

    /// <summary>As it was given.</summary>
    public string Text { get; }

    /// <summary>What it says without escapes, if it is no pattern.</summary>
    public string Literal { get; }

    /// <summary>It may stand for any number of names, also for none.</summary>
    public bool IsPattern => _pattern is not null;

    /// <summary>It is a pattern only by its brackets, which many names have: who gave it may have meant one name.</summary>
    public bool MayBeOneName => IsPattern && !Text.AsSpan().ContainsAny('*', '?');

    public NameRank Rank(string name) =>
        name.Equals(Text, StringComparison.Ordinal) || name.Equals(Literal, StringComparison.Ordinal) ? NameRank.Exact
        : name.Equals(Text, StringComparison.OrdinalIgnoreCase) || name.Equals(Literal, StringComparison.OrdinalIgnoreCase)
            ? NameRank.IgnoringCase
        : _pattern?.IsMatch(name) == true ? NameRank.Pattern
        : NameRank.None;

    public override string ToString() => Text;
}
