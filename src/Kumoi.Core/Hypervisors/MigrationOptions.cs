namespace Kumoi.Hypervisors;

/// <summary>How a live migration is done.</summary>
public sealed record MigrationOptions
{
    /// <summary>True: the source's daemon talks to the target itself; false: this client drives both ends.</summary>
    public bool PeerToPeer { get; init; }

    /// <summary>The address under which the source's daemon reaches the target's, for peer-to-peer; null: derived from the target's URI.</summary>
    public string? TargetUri { get; init; }

    /// <summary>Limit of the migration stream in bytes per second; null: none. The hypervisor rounds up to whole MiB.</summary>
    public long? BandwidthBytesPerSecond { get; init; }

    /// <summary>Allow a VM whose disks the hypervisor cannot see as shared. The admin's promise that they are.</summary>
    public bool AllowUnsafe { get; init; }

    /// <summary>A client-driven migration that moves no byte for this long is aborted: libvirt itself would wait for ever.</summary>
    public TimeSpan StallTimeout { get; init; } = TimeSpan.FromSeconds(10);
}
