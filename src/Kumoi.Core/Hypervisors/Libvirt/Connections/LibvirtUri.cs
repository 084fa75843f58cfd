namespace Kumoi.Hypervisors.Libvirt.Connections;

/// <summary>
/// A connection URI of libvirt, <c>driver[+transport]://[user@][host][:port]/[path][?parameters]</c> (https://libvirt.org/uri.html).
/// </summary>
internal sealed class LibvirtUri
{
    private const string Advice =
        "Give a libvirt URI such as qemu:///system, qemu+ssh://root@host/system, qemu+tls://host/system or test:///default "
        + "(https://libvirt.org/uri.html).";

    private static readonly string[] Transports = ["", "unix", "tcp", "tls", "ssh", "libssh", "libssh2", "ext"];

    private LibvirtUri(string text, LibvirtUriParts parts)
    {
        Scheme = parts.Driver.ToLowerInvariant();
        Transport = parts.Transport.ToLowerInvariant();
        Host = parts.Host.Trim('[', ']').Replace("%25", "%", StringComparison.Ordinal); // as a zone is written
        Path = parts.Path;
        var query = parts.Query;
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

    /// <summary>A name or an address, which may have a zone, as in <c>fe80::1%eth0</c>; empty where the URI names none.</summary>
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

    /// <summary>Whether the daemon is reached over the network, and not on this computer or through a tunnel that begins here.</summary>
    public bool IsOverNetwork =>
        !IsTest && Host.Length > 0 && Socket is null && Transport is not "unix"
        && Host is not ("localhost" or "127.0.0.1" or "::1");

    /// <summary>Whether another host could use this URI to reach the same daemon. An address's zone is this computer's.</summary>
    public bool IsReachableFromOtherHosts => IsOverNetwork && !Host.Contains('%', StringComparison.Ordinal);

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
        return LibvirtUriParts.IsScheme(scheme);
    }

    /// <summary>Fails with <see cref="HypervisorError.InvalidUri"/>.</summary>
    public static LibvirtUri Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var parts = LibvirtUriParts.Of(text)
            ?? throw Invalid(text, "it is not of the form driver[+transport]://[user@][host][:port]/[path][?parameters]");
        var transport = parts.Transport.ToLowerInvariant();
        if (!Transports.Contains(transport))
        {
            throw Invalid(text, $"there is no transport '{transport}'; there are unix, tcp, tls, ssh, libssh, libssh2 and ext");
        }

        if (parts.Port is { } port && !ushort.TryParse(port, out _))
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
}
