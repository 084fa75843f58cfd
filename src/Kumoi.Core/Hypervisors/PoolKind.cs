namespace Kumoi.Hypervisors;

/// <summary>What a storage pool is made of.</summary>
public enum PoolKind
{
    /// <summary>A directory of the host, which is made if it is not there.</summary>
    Directory = 0,

    /// <summary>What a server exports by NFS.</summary>
    Nfs,

    /// <summary>A volume group of LVM, which is there.</summary>
    VolumeGroup,
}
