namespace Kumoi.Hypervisors;

/// <summary>A storage pool that is to be made (https://libvirt.org/storage.html). What is in it already stays as it is.</summary>
public sealed record PoolSpec
{
    public required string Name { get; init; }

    public PoolKind Kind { get; init; }

    /// <summary>
    /// Where the host has its volumes: the directory, or where the exported one is mounted. Null: of a volume group.
    /// </summary>
    public string? Path { get; init; }

    /// <summary>The server that exports it; null: the host itself has it.</summary>
    public string? SourceHost { get; init; }

    /// <summary>What the server exports, or the name of the volume group; null: of a directory.</summary>
    public string? Source { get; init; }

    /// <summary>It is started, too; else it is only defined.</summary>
    public bool IsStarted { get; init; } = true;

    /// <summary>The host starts it when the host itself starts.</summary>
    public bool IsAutostart { get; init; } = true;
}
