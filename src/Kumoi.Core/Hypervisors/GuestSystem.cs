namespace Kumoi.Hypervisors;

/// <summary>What is known of an operating system, from libosinfo's database (https://libosinfo.org).</summary>
public sealed record GuestSystem
{
    /// <summary>The database's own name of it, such as <c>http://debian.org/debian/12</c>; empty: only its family is known.</summary>
    public required string Id { get; init; }

    /// <summary>Such as <c>debian12</c>.</summary>
    public required string ShortId { get; init; }

    /// <summary>Such as <c>Debian 12</c>.</summary>
    public string Name { get; init; } = "";

    /// <summary>Its clock is the local time, and it has no drivers of virtio of its own.</summary>
    public bool IsWindows { get; init; }

    /// <summary>It has drivers for virtio disks and virtio-scsi.</summary>
    public bool HasVirtioDisks { get; init; }

    /// <summary>It has a driver for virtio network cards.</summary>
    public bool HasVirtioNetwork { get; init; }

    /// <summary>Null: not known.</summary>
    public long? MinimumMemoryBytes { get; init; }

    /// <summary>Null: not known.</summary>
    public long? RecommendedMemoryBytes { get; init; }
}
