namespace Kumoi.Hypervisors.Libvirt.Connections;

/// <summary>
/// The parts of <c>driver[+transport]://[user[:secret]@][host][:port]/[path][?parameters]</c>, as they are written. By hand: a regular
/// expression takes 3 to 6 ms of the first connecting of each session, of some thirty until hosts are asked.
/// </summary>
/// <param name="Driver">Such as <c>qemu</c>.</param>
/// <param name="Transport">Such as <c>ssh</c>; empty: the URI names none.</param>
/// <param name="Host">A name or an address, of IPv6 in brackets; empty: this machine.</param>
/// <param name="Port">Digits; null: the URI names none.</param>
/// <param name="Path">With the slash that it begins with; empty: there is none.</param>
/// <param name="Query">Without the question mark; empty: there is none.</param>
internal sealed record LibvirtUriParts(string Driver, string Transport, string Host, string? Port, string Path, string Query)
{
    /// <summary>Null: the text is not of that form.</summary>
    public static LibvirtUriParts? Of(string text)
    {
        var mark = text.IndexOf("://", StringComparison.Ordinal);
        if (mark < 0 || text.Contains('#', StringComparison.Ordinal))
        {
            return null; // there are no fragments
        }

        var (driver, transport) = SplitAt(text[..mark], '+');
        var query = text.IndexOf('?', mark);
        var before = query < 0 ? text[(mark + 3)..] : text[(mark + 3)..query];
        var slash = before.IndexOf('/', StringComparison.Ordinal);
        var authority = slash < 0 ? before : before[..slash];
        var at = authority.IndexOf('@', StringComparison.Ordinal);
        var host = authority[(at + 1)..];
        var end = host.StartsWith('[') ? host.IndexOf(']', StringComparison.Ordinal) + 1 : 0;
        var colon = host.IndexOf(':', end);
        var port = colon < 0 ? null : host[(colon + 1)..];
        host = colon < 0 ? host : host[..colon];
        return IsDriver(driver) && (transport is null || IsAll(transport, char.IsAsciiLetterOrDigit))
            && !Has(authority, char.IsWhiteSpace) && IsHost(host, end) && (port is null || IsAll(port, char.IsAsciiDigit))
            ? new(driver, transport ?? "", host, port, slash < 0 ? "" : before[slash..], query < 0 ? "" : text[(query + 1)..]) : null;
    }

    /// <summary>Whether it is a URI's scheme, a driver and perhaps its transport.</summary>
    public static bool IsScheme(string text) =>
        text.Length > 0 && char.IsAsciiLetter(text[0]) && !Has(text, static c => !char.IsAsciiLetterOrDigit(c) && c is not ('+' or '.' or '-'));

    private static bool IsDriver(string text) => IsScheme(text) && !text.Contains('+', StringComparison.Ordinal);

    private static bool IsHost(string host, int bracketed) => bracketed == 0
        ? !Has(host, static c => c is '@' or '[' or ']')
        : bracketed == host.Length && IsAddress(host[1..^1]);

    /// <summary>An address of IPv6, perhaps with its zone, as in <c>fe80::1%25eth0</c> (RFC 6874).</summary>
    private static bool IsAddress(string text)
    {
        var (address, zone) = SplitAt(text, '%');
        return IsAll(address, static c => char.IsAsciiHexDigit(c) || c is ':' or '.')
            && (zone is null || IsAll(zone, static c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_' or '~' or '%'));
    }

    private static (string Before, string? After) SplitAt(string text, char separator)
    {
        var at = text.IndexOf(separator, StringComparison.Ordinal);
        return at < 0 ? (text, null) : (text[..at], text[(at + 1)..]);
    }

    private static bool IsAll(string text, Predicate<char> isRight) => text.Length > 0 && !Has(text, c => !isRight(c));

    private static bool Has(string text, Predicate<char> isSought)
    {
        foreach (var c in text)
        {
            if (isSought(c))
            {
                return true;
            }
        }

        return false;
    }
}
