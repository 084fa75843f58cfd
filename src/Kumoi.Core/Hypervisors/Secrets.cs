using System.Text;
using System.Text.RegularExpressions;

namespace Kumoi.Hypervisors;

/// <summary>Takes passwords out of URIs, wherever in a text they stand: in names of connections, in errors, also libvirt's own.</summary>
internal static partial class Secrets
{
    private static readonly string[] Words = ["pass", "pwd", "secret", "token", "credential", "apikey"];

    /// <summary>
    /// The text without passwords of authorities, and with <c>***</c> for the values of parameters that are called like secrets.
    /// </summary>
    public static string Mask(string text)
    {
        var masked = text.Contains("://", StringComparison.Ordinal) && text.Contains('@', StringComparison.Ordinal)
            ? Passwords().Replace(text, "${before}@") : text;

        // Nearly always there is none, and what searches and replaces would be compiled while the first hosts are connected.
        return MayHaveParameters(masked) && Parameters().IsMatch(masked) ? Parameters().Replace(masked, "${before}***") : masked;
    }

    /// <summary>False: it has no word of <see cref="Parameters"/>. Where there are letters of others, they may be of the same words.</summary>
    private static bool MayHaveParameters(string text) => text.Contains('=', StringComparison.Ordinal)
        && (!Ascii.IsValid(text) || Array.Exists(Words, word => text.Contains(word, StringComparison.OrdinalIgnoreCase)));

    // Up to the last @ before the parameters. A password may have an @, a / or a ? of its own: then the URI is none, and what is no port
    // counts.
    [GeneratedRegex(
        @"(?<before>://[^:@/?#\s]*):([^?#\s]*|(?!\d+([/?#'""\s]|$))\S*)@", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture,
        matchTimeoutMilliseconds: 1000)]
    private static partial Regex Passwords();

    [GeneratedRegex(
        @"(?<before>(^|[?&;\s'""])[\w.\-]*(pass|pwd|secret|token|credential|apikey)[\w.\-]*=)[^&#\s'""]+",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Parameters();
}
