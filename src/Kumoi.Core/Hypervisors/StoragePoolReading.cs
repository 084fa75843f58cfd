namespace Kumoi.Hypervisors;

/// <summary>An active storage pool of a host.</summary>
/// <param name="Name">Its name on the host.</param>
/// <param name="Type">libvirt's: <c>dir</c>, <c>netfs</c>, <c>rbd</c>, … (https://libvirt.org/storage.html).</param>
/// <param name="Path">Where the host has its volumes; null: they have no paths.</param>
/// <param name="Source">Where it comes from, on which server: the same on all hosts that share it; empty: nowhere else.</param>
public sealed record StoragePoolReading(string Name, string Type, string? Path, string Source)
{
    private static readonly string[] NetworkTypes = ["netfs", "rbd", "gluster", "iscsi", "iscsi-direct", "sheepdog", "vstorage"];

    /// <summary>Other hosts may have the same volumes.</summary>
    public bool IsNetworked => NetworkTypes.Contains(Type, StringComparer.Ordinal);
}
