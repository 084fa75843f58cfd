using System.Globalization;
using System.Text;

namespace Kumoi;

/// <summary>
/// Makes text that a host has given fit for a terminal: what would move the cursor, change colours, or turn the direction of what follows
/// is shown, and does nothing.
/// </summary>
public static class Visible
{
    /// <summary>The same for a message, whose lines stay lines.</summary>
    public static string Lines(string? text) => text is null ? "" : string.Join(
        '\n', text.Split('\n').Select(line => string.Join('\t', line.TrimEnd('\r').Split('\t').Select(Text))));

    /// <summary>
    /// The text with control characters, invisible characters and lone surrogates as <c>\u{1b}</c>; the same object where there are none.
    /// </summary>
    public static string Text(string? text)
    {
        if (string.IsNullOrEmpty(text) || text.AsSpan().IndexOfAnyExceptInRange(' ', '~') < 0)
        {
            return text ?? "";
        }

        var visible = new StringBuilder(text.Length + 8);
        for (var i = 0; i < text.Length; i++)
        {
            var isPair = char.IsSurrogatePair(text, i);
            var category = isPair ? CharUnicodeInfo.GetUnicodeCategory(text, i) : CharUnicodeInfo.GetUnicodeCategory(text[i]);
            if (category is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.LineSeparator
                or UnicodeCategory.ParagraphSeparator)
            {
                visible.Append(CultureInfo.InvariantCulture, $"\\u{{{(isPair ? char.ConvertToUtf32(text, i) : text[i]):x}}}");
                i += isPair ? 1 : 0;
            }
            else
            {
                visible.Append(text, i, isPair ? 2 : 1);
                i += isPair ? 1 : 0;
            }
        }

        return visible.ToString();
    }
}
