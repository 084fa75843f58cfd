namespace Kumoi.Hypervisors;

/// <summary>What a source gives to those that are to take its VM.</summary>
public sealed record MigrationOffer
{
    public required MigrationPlan Plan { get; init; }

    public required Guid Id { get; init; }

    public required string Name { get; init; }

    /// <summary>The VM outlives its stop: it becomes persistent on its target, and its definition on the source goes.</summary>
    public required bool IsPersistent { get; init; }

    /// <summary>Somebody had paused the VM: it arrives paused.</summary>
    public required bool IsPaused { get; init; }

    /// <summary>The domain XML to prepare.</summary>
    public required string Definition { get; init; }

    /// <summary>The driver's own: what the source has to tell the target.</summary>
    public byte[] Cookie { get; init; } = [];
}
