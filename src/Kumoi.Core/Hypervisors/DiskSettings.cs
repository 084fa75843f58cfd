using System.Xml.Linq;

namespace Kumoi.Hypervisors;

/// <summary>Changes of a disk; null: as it is.</summary>
public sealed record DiskSettings
{
    public DiskCache? Cache { get; init; }

    public DiskIo? Io { get; init; }

    public DiskDiscard? Discard { get; init; }

    public bool? IsReadOnly { get; init; }

    public long? BytesPerSecond { get; init; }

    public long? ReadBytesPerSecond { get; init; }

    public long? WriteBytesPerSecond { get; init; }

    public long? OperationsPerSecond { get; init; }

    public long? ReadOperationsPerSecond { get; init; }

    public long? WriteOperationsPerSecond { get; init; }

    /// <summary>Whether it changes what only a VM that is off can have changed.</summary>
    internal bool NeedsOff => (Cache, Io, Discard, IsReadOnly) is not (null, null, null, null);

    internal bool HasLimits => (BytesPerSecond ?? ReadBytesPerSecond ?? WriteBytesPerSecond) is not null
        || (OperationsPerSecond ?? ReadOperationsPerSecond ?? WriteOperationsPerSecond) is not null;

    /// <summary>Those of the disk then. A limit of both together takes the place of those of each, and the other way round.</summary>
    internal DiskLimits Apply(DiskLimits limits)
    {
        var (bytes, reads, writes) = Apply(
            (limits.BytesPerSecond, limits.ReadBytesPerSecond, limits.WriteBytesPerSecond),
            (BytesPerSecond, ReadBytesPerSecond, WriteBytesPerSecond));
        var (all, readOperations, writeOperations) = Apply(
            (limits.OperationsPerSecond, limits.ReadOperationsPerSecond, limits.WriteOperationsPerSecond),
            (OperationsPerSecond, ReadOperationsPerSecond, WriteOperationsPerSecond));
        return new(bytes, reads, writes, all, readOperations, writeOperations);
    }

    /// <summary>The disk, in XML, with these settings but for the limits.</summary>
    internal XElement Apply(XElement disk)
    {
        var changed = new XElement(disk);
        if (changed.Element("driver") is not { } driver)
        {
            changed.AddFirst(driver = new XElement("driver"));
        }

        Set(driver, "cache", Cache, DiskCache.Default, static value => value.ToString().ToLowerInvariant());
        Set(driver, "io", Io, DiskIo.Default, static value => value is DiskIo.IoUring ? "io_uring" : value.ToString().ToLowerInvariant());
        Set(driver, "discard", Discard, DiskDiscard.Default, static value => value.ToString().ToLowerInvariant());
        if (IsReadOnly is { } isReadOnly)
        {
            changed.Elements("readonly").Remove();
            if (isReadOnly)
            {
                changed.Add(new XElement("readonly"));
            }
        }

        return changed;
    }

    private static (long Both, long Reads, long Writes) Apply(
        (long Both, long Reads, long Writes) now, (long? Both, long? Reads, long? Writes) change) =>
        change.Both is > 0 and var both ? (both, 0, 0)
        : change.Reads is > 0 || change.Writes is > 0 ? (0, change.Reads ?? now.Reads, change.Writes ?? now.Writes)
        : (change.Both ?? now.Both, change.Reads ?? now.Reads, change.Writes ?? now.Writes);

    private static void Set<T>(XElement driver, string name, T? value, T standard, Func<T, string> write)
        where T : struct, Enum
    {
        if (value is { } given)
        {
            driver.SetAttributeValue(name, EqualityComparer<T>.Default.Equals(given, standard) ? null : write(given));
        }
    }
}
