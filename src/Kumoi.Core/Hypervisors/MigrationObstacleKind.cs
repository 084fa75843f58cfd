namespace Kumoi.Hypervisors;

/// <summary>What stands in the way of a live migration.</summary>
public enum MigrationObstacleKind
{
    /// <summary>The hypervisor refuses for a reason that is not told apart here.</summary>
    Other = 0,

    /// <summary>The target cannot be read.</summary>
    HostUnreachable,

    /// <summary>The target is the host that the VM is on, perhaps under another name.</summary>
    SameHost,

    /// <summary>The target is of another kind of hypervisor, or none that migrates.</summary>
    Hypervisor,

    /// <summary>The target is in maintenance, and takes no VMs.</summary>
    Maintenance,

    /// <summary>The VM is off.</summary>
    NotRunning,

    /// <summary>The VM is in a migration, or in another job.</summary>
    Busy,

    /// <summary>The source keeps snapshots of the VM.</summary>
    Snapshots,

    /// <summary>A device, or a feature of the CPU, whose state cannot be sent.</summary>
    Device,

    /// <summary>The VM writes to a disk that the source does not know to be shared.</summary>
    DiskNotShared,

    /// <summary>The target has too little free memory.</summary>
    Memory,

    /// <summary>The target has another VM of that name, or the VM itself.</summary>
    VMExists,

    /// <summary>The target's CPU lacks what the VM uses.</summary>
    CpuModel,

    /// <summary>The target has not the VM's emulator, architecture, acceleration or machine type.</summary>
    Machine,

    /// <summary>A network or bridge of the VM is not there, or not active.</summary>
    Network,

    /// <summary>A storage pool, volume or image of the VM is not there, or is not known to be.</summary>
    Storage,

    /// <summary>The VM listens at an address of the host that it is on.</summary>
    Address,

    /// <summary>The target's hypervisor is older than the source's.</summary>
    Version,
}
