namespace Kumoi.Exports;

/// <summary>How a VM is imported.</summary>
public sealed record ImportOptions
{
    /// <summary>The VM's name; null: the one in the package.</summary>
    public string? Name { get; init; }

    /// <summary>The storage pool of its disks.</summary>
    public string StoragePool { get; init; } = "default";

    /// <summary>
    /// The networks of its cards: one for all, or one for each in their order, the last one for all that follow. None: those of the
    /// package.
    /// </summary>
    public IReadOnlyList<string> Networks { get; init; } = [];

    /// <summary>Of an export: the VM has the id and the MAC addresses that it had, and is no other VM.</summary>
    public bool KeepIdentity { get; init; }
}
