namespace Kumoi.FaultTolerance.Pairs;

/// <summary>How a VM is protected.</summary>
public enum ProtectionMode
{
    /// <summary>The backup is idle and goes on from the last checkpoint; output is held from one to the next.</summary>
    Checkpoint = 0,

    /// <summary>By QEMU's COLO: the backup runs along, and what both put out goes out at once.</summary>
    Colo,

    /// <summary>By QEMU's COLO, in which a rule lets the backup run along or not, after each checkpoint.</summary>
    Hybrid,

    /// <summary>A replica on the backup host replays what is recorded of the VM; output is held until it has what led to it.</summary>
    LogReplay,
}
