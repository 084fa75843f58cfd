namespace Kumoi.Hypervisors.Libvirt.Connections;

/// <summary>
/// Why no connection could be made, where libvirt has only the words of ssh, of its ssh libraries or of the resolver: they come with the
/// number of a connection that broke off. None of these gets better by trying again.
/// </summary>
internal static class SshFailures
{
    public const string NameAdvice = "Check the host's name in the URI, and name resolution on this computer ('getent hosts NAME').";

    private const string KeyAdvice =
        "Give the host a key of this user (ssh-copy-id USER@HOST), have it in the ssh agent or name it in the URI "
        + "(?keyfile=PATH), and see that "
        + "'ssh -o BatchMode=yes USER@HOST true' works. Kumoi does not ask for a password.";

    private const string HostKeyAdvice =
        "This computer does not know the host's key, or another one. Connect once with 'ssh USER@HOST' and compare the fingerprint, so "
        + "that the key comes "
        + "into known_hosts; if it has changed, find out why before you remove the old one ('ssh-keygen -R HOST').";

    private const string AlgorithmAdvice =
        "The two ssh programs have no method in common. Bring the older one up to date, or allow the method in ~/.ssh/config.";

    private const string ProgramAdvice = "Install ssh on this computer, or give the path of the program in the URI (?command=PATH).";

    private static readonly (string Part, HypervisorError Error, FaultDomain Domain, string Advice)[] Known =
    [
        ("Host key verification failed", HypervisorError.AuthenticationFailed, FaultDomain.Host, HostKeyAdvice),
        ("REMOTE HOST IDENTIFICATION HAS CHANGED", HypervisorError.AuthenticationFailed, FaultDomain.Host, HostKeyAdvice),
        ("key verification failed", HypervisorError.AuthenticationFailed, FaultDomain.Host, HostKeyAdvice),
        ("HOST IDENTIFICATION HAS CHANGED", HypervisorError.AuthenticationFailed, FaultDomain.Host, HostKeyAdvice),
        ("host key is known", HypervisorError.AuthenticationFailed, FaultDomain.Host, HostKeyAdvice),
        ("authenticity of host", HypervisorError.AuthenticationFailed, FaultDomain.Host, HostKeyAdvice),
        ("known_hosts", HypervisorError.AuthenticationFailed, FaultDomain.Host, HostKeyAdvice),
        ("known hosts", HypervisorError.AuthenticationFailed, FaultDomain.Host, HostKeyAdvice),
        ("Permission denied (", HypervisorError.AuthenticationFailed, FaultDomain.Host, KeyAdvice),
        ("Permission denied, please try again", HypervisorError.AuthenticationFailed, FaultDomain.Host, KeyAdvice),
        ("Too many authentication failures", HypervisorError.AuthenticationFailed, FaultDomain.Host, KeyAdvice),
        ("Authentication failed", HypervisorError.AuthenticationFailed, FaultDomain.Host, KeyAdvice),
        ("authentication failed", HypervisorError.AuthenticationFailed, FaultDomain.Host, KeyAdvice),
        ("No supported authentication methods", HypervisorError.AuthenticationFailed, FaultDomain.Host, KeyAdvice),
        ("no authentication methods", HypervisorError.AuthenticationFailed, FaultDomain.Host, KeyAdvice),
        ("None of the requested authentication methods", HypervisorError.AuthenticationFailed, FaultDomain.Host, KeyAdvice),
        ("Load key", HypervisorError.AuthenticationFailed, FaultDomain.Host, KeyAdvice),
        ("UNPROTECTED PRIVATE KEY FILE", HypervisorError.AuthenticationFailed, FaultDomain.Host, KeyAdvice),
        ("Bad owner or permissions", HypervisorError.AuthenticationFailed, FaultDomain.Unknown, KeyAdvice),
        ("Enter passphrase", HypervisorError.AuthenticationFailed, FaultDomain.Host, KeyAdvice),
        ("This account is", HypervisorError.AuthenticationFailed, FaultDomain.Host, KeyAdvice),
        ("no matching host key type found", HypervisorError.AuthenticationFailed, FaultDomain.Host, AlgorithmAdvice),
        ("no matching key exchange method found", HypervisorError.AuthenticationFailed, FaultDomain.Host, AlgorithmAdvice),
        ("no matching cipher found", HypervisorError.AuthenticationFailed, FaultDomain.Host, AlgorithmAdvice),
        ("Name or service not known", HypervisorError.ConnectionFailed, FaultDomain.Network, NameAdvice),
        ("nodename nor servname provided", HypervisorError.ConnectionFailed, FaultDomain.Network, NameAdvice),
        ("No address associated with hostname", HypervisorError.ConnectionFailed, FaultDomain.Network, NameAdvice),
        ("No such host is known", HypervisorError.ConnectionFailed, FaultDomain.Network, NameAdvice),
        ("Cannot find 'ssh' in path", HypervisorError.ConnectionFailed, FaultDomain.Unknown, ProgramAdvice),
        ("cannot execute binary", HypervisorError.ConnectionFailed, FaultDomain.Unknown, ProgramAdvice),
    ];

    /// <summary>Null: it is none of these.</summary>
    public static (HypervisorError Error, FaultDomain Domain, string Advice)? Find(string message)
    {
        foreach (var (part, error, domain, advice) in Known)
        {
            if (message.Contains(part, StringComparison.Ordinal))
            {
                return (error, domain, advice);
            }
        }

        return null;
    }
}
