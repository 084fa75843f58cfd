namespace Kumoi.Hypervisors;

/// <summary>What becomes of space that a guest gives back (trim).</summary>
public enum DiskDiscard
{
    /// <summary>The hypervisor's own choice.</summary>
    Default = 0,

    /// <summary>It stays taken up on the host.</summary>
    Ignore,

    /// <summary>It is free on the host, too.</summary>
    Unmap,
}
