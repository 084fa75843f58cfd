using Kumoi.Hypervisors.Libvirt.Connections;

namespace Kumoi.Hypervisors.Libvirt.Migrations;

/// <summary>
/// The stream of a migration to several targets goes unencrypted: one session of TLS cannot be copied to several ends, and what is
/// encrypted for this computer would need its own server certificate here. So it must be wanted, wherever the connections themselves are
/// encrypted.
/// </summary>
internal static class Encryption
{
    /// <summary>Refuses what would send in clear what the host's connection would encrypt.</summary>
    /// <param name="uri">The host's connection.</param>
    /// <param name="hostName">The host.</param>
    /// <param name="isSource">It is the VM's source; else a target.</param>
    /// <param name="options">Where it may be allowed.</param>
    public static void Require(LibvirtUri uri, string hostName, bool isSource, MigrationOptions options)
    {
        if (!uri.IsEncrypted || options.AllowUnencrypted)
        {
            return;
        }

        var way = isSource
            ? $"from {hostName} over the network to this computer, and from here over the network to each target"
            : $"from this computer over the network to {hostName}";
        throw new HypervisorException(
            $"The VM's memory would go unencrypted {way}, although {hostName} is connected by "
                + $"{(uri.Transport.Length == 0 ? "tls" : uri.Transport)}.",
            FaultDomain.Unknown,
            error: HypervisorError.NotSupported,
            recommendedAction: "Where these networks are trusted, allow it: -AllowUnencrypted. Otherwise move the VM "
                + "without -Speculative.");
    }
}
