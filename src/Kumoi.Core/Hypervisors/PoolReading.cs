namespace Kumoi.Hypervisors;

/// <summary>A storage pool of a host, active or not.</summary>
public sealed record PoolReading
{
    /// <summary>Tells it from all others, also from one that gets its name later.</summary>
    public Guid Id { get; init; }

    public required string Name { get; init; }

    /// <summary>libvirt's: <c>dir</c>, <c>netfs</c>, <c>rbd</c>, … (https://libvirt.org/storage.html).</summary>
    public string Type { get; init; } = "";

    /// <summary>Only of an active pool the host knows the volumes.</summary>
    public bool IsActive { get; init; }

    /// <summary>The host starts it when the host itself starts.</summary>
    public bool IsAutostart { get; init; }

    /// <summary>Where the host has its volumes; null: they have no paths.</summary>
    public string? Path { get; init; }

    /// <summary>As of its file system or server; 0 while it is not active.</summary>
    public long CapacityBytes { get; init; }

    public long AllocatedBytes { get; init; }

    public long FreeBytes { get; init; }
}
