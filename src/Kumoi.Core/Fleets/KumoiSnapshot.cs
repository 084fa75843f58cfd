using Kumoi.Hypervisors;

namespace Kumoi;

/// <summary>A snapshot of a VM as it was read at <see cref="CapturedAt"/>, with its place in the tree of the VM's snapshots.</summary>
public sealed class KumoiSnapshot
{
    internal KumoiSnapshot(KumoiVM vm, SnapshotReading reading, DateTimeOffset capturedAt, int depth, IReadOnlyList<string> children)
    {
        Of = vm;
        Reading = reading;
        CapturedAt = capturedAt;
        Depth = depth;
        Children = children;
    }

    public string Name => Reading.Name;

    /// <summary>The VM's name.</summary>
    public string VM => Of.Name;

    public string VMHost => Of.VMHost;

    public string Description => Reading.Description;

    public DateTimeOffset CreatedAt => Reading.CreatedAt;

    /// <summary>The VM's state that it goes back to.</summary>
    public PowerState State => Reading.State;

    /// <inheritdoc cref="SnapshotReading.HasMemory"/>
    public bool HasMemory => Reading.HasMemory;

    public SnapshotKind Kind => Reading.Kind;

    /// <summary>The snapshot that it was made after; null: it is a first one.</summary>
    public string? Parent => Reading.Parent;

    /// <summary>The snapshots that were made after it.</summary>
    public IReadOnlyList<string> Children { get; }

    /// <summary>How many there are above it in the tree.</summary>
    public int Depth { get; }

    /// <inheritdoc cref="SnapshotReading.IsCurrent"/>
    public bool IsCurrent => Reading.IsCurrent;

    /// <inheritdoc cref="SnapshotReading.IsHalfRemoved"/>
    public bool IsHalfRemoved => Reading.IsHalfRemoved;

    public DateTimeOffset CapturedAt { get; }

    internal KumoiVM Of { get; }

    internal SnapshotReading Reading { get; }

    public override string ToString() => Name;
}
