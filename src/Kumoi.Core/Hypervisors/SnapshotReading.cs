namespace Kumoi.Hypervisors;

/// <summary>One snapshot of a VM (https://libvirt.org/formatsnapshot.html).</summary>
public sealed record SnapshotReading
{
    public required string Name { get; init; }

    public string Description { get; init; } = "";

    /// <summary>To the second: hypervisors tell no more.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>The VM's state that it goes back to.</summary>
    public PowerState State { get; init; }

    /// <summary>The guest's memory is in it: who goes back to it goes on from there.</summary>
    public bool HasMemory { get; init; }

    public SnapshotKind Kind { get; init; }

    /// <summary>The snapshot that it was made after; null: it is a first one.</summary>
    public string? Parent { get; init; }

    /// <summary>What the VM has written since is based on it.</summary>
    public bool IsCurrent { get; init; }

    /// <summary>Its removal began, and did not end: there is no way back to it any more.</summary>
    public bool IsHalfRemoved { get; init; }

    /// <summary>Tells it from another one that was given its name since.</summary>
    public SnapshotKey Key => new(Name, CreatedAt);
}
