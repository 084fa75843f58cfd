using System.Net;

namespace Kumoi.Hypervisors;

/// <summary>How a live migration is done.</summary>
public sealed record MigrationOptions
{
    /// <summary>True: the source's daemon talks to the target itself; false: this client drives both ends.</summary>
    public bool PeerToPeer { get; init; }

    /// <summary>
    /// The address under which the source's daemon reaches the target's, for peer-to-peer; null: derived from the target's URI.
    /// </summary>
    public string? TargetUri { get; init; }

    /// <summary>Limit of the migration stream in bytes per second; null: none. The hypervisor rounds up to whole MiB.</summary>
    public long? BandwidthBytesPerSecond { get; init; }

    /// <summary>Allow a VM whose disks the hypervisor cannot see as shared. The admin's promise that they are.</summary>
    public bool AllowUnsafe { get; init; }

    /// <summary>
    /// A client-driven migration that moves no byte for this long is aborted, as is any that goes round and round for this long with
    /// nothing left to send, and one to several targets whose source leaves unacknowledged for this long what they say: libvirt itself
    /// would wait for ever.
    /// </summary>
    public TimeSpan StallTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// For a migration to several targets at once, whose stream goes through this computer: the address of this computer under which the
    /// source host reaches it; null: found by itself, from the source's URI.
    /// </summary>
    public IPAddress? RelayAddress { get; init; }

    /// <summary>
    /// Likewise: the addresses from which the source's stream comes; nobody else may send it. Null: those of the source's URI, or of its
    /// own name where it is reached by a tunnel.
    /// </summary>
    public IReadOnlyList<IPAddress>? SourceAddresses { get; init; }

    /// <summary>
    /// Likewise: the stream, with the VM's memory, may go unencrypted over the networks between the source, this computer and the targets
    /// also where these are connected by TLS or ssh. With <see cref="WithStorage"/>: the memory and the disks may go unencrypted from the
    /// source to the target, which while it takes them lets everybody write to them who reaches its port; else the hypervisors must have
    /// certificates.
    /// </summary>
    public bool AllowUnencrypted { get; init; }

    /// <summary>The disks that the VM writes to, and shares with nobody, go with it: they are copied while it runs.</summary>
    public bool WithStorage { get; init; }

    /// <summary>With <see cref="WithStorage"/>: the target's storage pool; null: the one at the directory that a disk is in.</summary>
    public string? TargetPool { get; init; }

    /// <summary>With <see cref="WithStorage"/>, when it is begun: where each disk goes. Its volume is there, and empty.</summary>
    public IReadOnlyList<DiskCopy> Disks { get; init; } = [];
}
