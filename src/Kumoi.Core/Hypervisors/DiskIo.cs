namespace Kumoi.Hypervisors;

/// <summary>How the hypervisor reads and writes an image.</summary>
public enum DiskIo
{
    /// <summary>The hypervisor's own choice.</summary>
    Default = 0,
    Threads,

    /// <summary>Linux's asynchronous calls; with the caches None and DirectSync only.</summary>
    Native,
    IoUring,
}
