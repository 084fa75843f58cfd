using System.Text.RegularExpressions;

namespace Kumoi.Hypervisors.Libvirt.Connections;

/// <summary>
/// A connection URI of libvirt, <c>driver[+transport]://[user@][host][:port]/[path][?parameters]</c> (https://libvirt.org/uri.html).
/// </summary>
internal sealed partial class LibvirtUri
{
    private const string Advice =
        "Give a libvirt URI such as qemu:///system, qemu+ssh://root@host/system, qemu+tls://host/system or test:///default "
        + "(https://libvirt.org/uri.html).";

    private static readonly string[] Transports = ["", "unix", "tcp", "tls", "ssh", "libssh", "libssh2", "ext"];

    private LibvirtUri(string text, Match parts)
    {
        Scheme = parts.Groups["driver"].Value.ToLowerInvariant();
        Transport = parts.Groups["transport"].Value.ToLowerInvariant();
        Host = parts.Groups["host"].Value.Trim('[', ']');
        Path = parts.Groups["path"].Value;
        var query = parts.Groups["query"].Value;
        Socket = query.Split('&').FirstOrDefault(static p => p.StartsWith("socket=", StringComparison.Ordinal))?["socket=".Length..];
        Display = Secrets.Mask(text);

        // ssh would otherwise ask on the terminal for what is missing.
        var mayPrompt = string.Equals(Transport, "ssh", StringComparison.Ordinal) && !query.Contains("no_tty=", StringComparison.Ordinal);
        ForOpening = mayPrompt ? $"{text}{(query.Length > 0 ? '&' : '?')}no_tty=1" : text;
    }

    /// <summary>Such as <c>qemu</c>.</summary>
    public string Scheme { get; }

    /// <summary>Such as <c>ssh</c>; empty where the URI names none.</summary>
    public string Transport { get; }

    public string Host { get; }

    public string Path { get; }

    /// <summary>Path of the daemon's Unix socket; null where the URI names none.</summary>
    public string? Socket { get; }

    /// <summary>The URI without a password.</summary>
    public string Display { get; }

    /// <summary>The URI to give to libvirt.</summary>
    public string ForOpening { get; }

    /// <summary>
    /// The test driver gives each connection to a file its own copy of the node, so everything must go over one connection.
    /// </summary>
    public bool IsPrivatePerConnection => NodeFile is not null;

    /// <summary>The file that describes the test driver's node; null for its built-in node and all other drivers.</summary>
    public string? NodeFile => IsTest && !string.Equals(Path, "/default", StringComparison.Ordinal) ? Uri.UnescapeDataString(Path) : null;

    /// <summary>Whether another host could use this URI to reach the same daemon.</summary>
    public bool IsReachableFromOtherHosts =>
        !IsTest && Host.Length > 0 && Socket is null && Transport is not "unix"
        && Host is not ("localhost" or "127.0.0.1" or "::1");

    /// <summary>Whether what goes over the connection is encrypted. To a host without a transport libvirt connects by TLS.</summary>
    public bool IsEncrypted =>
        !IsTest && Transport is not ("tcp" or "unix") && (Transport.Length > 0 || (Host.Length > 0 && Socket is null));

    /// <summary>A name for the host before it was asked for its own.</summary>
    public string ExpectedName => Host.Length > 0 ? Host : Socket is null ? Environment.MachineName : Uri.UnescapeDataString(Socket);

    private bool IsTest => string.Equals(Scheme, "test", StringComparison.Ordinal);

    /// <summary>Whether the text has a scheme at all.</summary>
    public static bool HasScheme(string text, out string scheme)
    {
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        scheme = colon > 1 ? text[..colon] : "";
        foreach (var c in scheme)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('+' or '.' or '-'))
            {
                return false;
            }
        }

        return scheme.Length > 0 && char.IsAsciiLetter(scheme[0]);
    }

    /// <summary>Fails with <see cref="HypervisorError.InvalidUri"/>.</summary>
    public static LibvirtUri Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var parts = UriPattern().Match(text);
        if (!parts.Success)
        {
            throw Invalid(text, "it is not of the form driver[+transport]://[user@][host][:port]/[path][?parameters]");
        }

        var transport = parts.Groups["transport"].Value.ToLowerInvariant();
        if (!Transports.Contains(transport))
        {
            throw Invalid(text, $"there is no transport '{transport}'; there are unix, tcp, tls, ssh, libssh, libssh2 and ext");
        }

        if (parts.Groups["port"].Success && !ushort.TryParse(parts.Groups["port"].ValueSpan, out _))
        {
            throw Invalid(text, "its port is not a number from 0 to 65535");
        }

        var uri = new LibvirtUri(text, parts);
        return uri.IsTest && uri.Path.Length < 2
            ? throw Invalid(text, "a test URI names a node: test:///default, or test:///path/of/node.xml")
            : uri;
    }

    private static HypervisorException Invalid(string text, string reason) => new(
        $"'{text}' is not a libvirt URI: {reason}.",
        FaultDomain.Unknown,
        error: HypervisorError.InvalidUri,
        recommendedAction: Advice);

    [GeneratedRegex(
        @"^(?<driver>[A-Za-z][A-Za-z0-9.\-]*)(\+(?<transport>[A-Za-z0-9]+))?://([^@/?#:\s]*(:(?<secret>[^@/?#\s]*))?@)?"
        + @"(?<host>\[[0-9A-Fa-f:.%]+\]|[^:/?#@\[\]\s]*)(:(?<port>[0-9]+))?(?<path>/[^?#]*)?(\?(?<query>[^#]*))?$",
        RegexOptions.ExplicitCapture,
        matchTimeoutMilliseconds: 1000)]
    private static partial Regex UriPattern();
}
