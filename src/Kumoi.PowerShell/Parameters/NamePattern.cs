namespace Kumoi.PowerShell.Parameters;

/// <summary>
/// A pattern as PowerShell writes it: <c>*</c>, <c>?</c>, <c>[a-z]</c>, and a backtick before what is meant as it is. Ordinal, ignoring
/// case: PowerShell's own matching goes by the rules of a language where it can, to which zero-width characters count for nothing.
/// </summary>
internal sealed class NamePattern
{
    private const char Escape = '`';

    private readonly List<Func<char, bool>?> _parts = [];

    private NamePattern()
    {
    }

    /// <summary>Null: the text is no pattern, or one that has no end (<c>half[open</c>).</summary>
    /// <param name="text">As it was given.</param>
    /// <param name="literal">The text without its escapes: what it says if it is no pattern.</param>
    public static NamePattern? Parse(string text, out string literal)
    {
        var pattern = new NamePattern();
        var plain = new System.Text.StringBuilder(text.Length);
        var hasWildcards = false;
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (c is '*' or '?')
            {
                hasWildcards = true;
                pattern._parts.Add(c is '*' ? null : static _ => true);
            }
            else if (c is '[')
            {
                if (Set(text, ref i) is not { } set)
                {
                    literal = text;
                    return null;
                }

                hasWildcards = true;
                pattern._parts.Add(set);
            }
            else
            {
                if (c is Escape && i + 1 < text.Length)
                {
                    c = text[++i];
                }

                plain.Append(c);
                pattern._parts.Add(Same(c));
            }
        }

        literal = hasWildcards ? text : plain.ToString();
        return hasWildcards ? pattern : null;
    }

    public bool IsMatch(string name)
    {
        // Where the last star stands, and up to where it has swallowed: one is enough, whatever stands before it is settled.
        int at = 0, part = 0, star = -1, swallowed = 0;
        while (at < name.Length)
        {
            if (part < _parts.Count && _parts[part] is null)
            {
                (star, swallowed) = (part++, at);
            }
            else if (part < _parts.Count && _parts[part]!(name[at]))
            {
                part++;
                at++;
            }
            else if (star >= 0)
            {
                part = star + 1;
                at = ++swallowed;
            }
            else
            {
                return false;
            }
        }

        return _parts.Skip(part).All(rest => rest is null);
    }

    /// <summary>The set that begins at <paramref name="at"/>, which is then at its end; null: it has none.</summary>
    private static Func<char, bool>? Set(string text, ref int at)
    {
        var members = new List<(char Low, char High)>();
        for (var i = at + 1; i < text.Length; i++)
        {
            if (text[i] is ']' && members.Count > 0)
            {
                at = i;
                return c => members.Exists(
                    range => IsIn(c, range) || IsIn(char.ToUpperInvariant(c), range) || IsIn(char.ToLowerInvariant(c), range));
            }

            var low = Character(text, ref i);
            var high = low;
            if (i + 2 < text.Length && text[i + 1] is '-' && text[i + 2] is not ']')
            {
                i += 2;
                high = Character(text, ref i);
            }

            members.Add((low, high));
        }

        return null;
    }

    private static bool IsIn(char c, (char Low, char High) range) => c >= range.Low && c <= range.High;

    private static char Character(string text, ref int at) => text[at] is Escape && at + 1 < text.Length ? text[++at] : text[at];

    private static Func<char, bool> Same(char c) => other => other == c || char.ToUpperInvariant(other) == char.ToUpperInvariant(c);
}
