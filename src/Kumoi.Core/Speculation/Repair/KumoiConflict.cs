namespace Kumoi;

/// <summary>Something that needs an admin: a contradiction between hosts, or something that nobody owns.</summary>
public sealed record KumoiConflict
{
    public required ConflictKind Kind { get; init; }

    /// <summary>The names of the VMs concerned; none where a host could not be read.</summary>
    public required IReadOnlyList<string> VMs { get; init; }

    /// <summary>The hosts concerned: of each VM its own, in the same order.</summary>
    public required IReadOnlyList<string> VMHosts { get; init; }

    /// <summary>The id of the VM; null where there are several, or none.</summary>
    public Guid? VMId { get; init; }

    /// <summary>The disk image.</summary>
    public string? Disk { get; init; }

    /// <summary>The operation whose mark was left.</summary>
    public Guid? OperationId { get; init; }

    public required string Message { get; init; }

    /// <summary>What to do next.</summary>
    public required string RecommendedAction { get; init; }

    public required DateTimeOffset At { get; init; }

    public override string ToString() => $"{Kind}: {Message}";
}
