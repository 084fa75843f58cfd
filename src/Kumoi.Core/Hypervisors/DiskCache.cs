namespace Kumoi.Hypervisors;

/// <summary>How the host caches what a VM reads from a disk and writes to it (https://libvirt.org/formatdomain.html).</summary>
public enum DiskCache
{
    /// <summary>The hypervisor's own choice.</summary>
    Default = 0,

    /// <summary>Not: what the guest has flushed is on the disk.</summary>
    None,
    WriteThrough,
    WriteBack,

    /// <summary>As None, and every write is flushed.</summary>
    DirectSync,

    /// <summary>The guest's flushes are ignored: a host that fails takes the guest's data with it.</summary>
    Unsafe,
}
