namespace Kumoi;

/// <summary>What a VM's state means for its host.</summary>
public static class PowerStates
{
    /// <summary>
    /// Whether a VM in this state has a process, memory and open disks on its host. Only one that is off has none: a crashed VM is kept for
    /// somebody to look at, and of one whose state is unknown nobody knows.
    /// </summary>
    public static bool HoldsHost(this PowerState state) => state is not PowerState.Shutoff;
}
