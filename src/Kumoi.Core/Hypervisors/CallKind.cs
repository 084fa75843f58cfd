namespace Kumoi.Hypervisors;

/// <summary>What a call does decides how long it may take and whether it may be made again.</summary>
public enum CallKind
{
    /// <summary>Opens a connection.</summary>
    Connect = 0,

    Read,

    /// <summary>Changes something; a time-out leaves its outcome unknown.</summary>
    Write,

    /// <summary>
    /// Changes something, and may take hours: a migration, which has a second host, or the copying of disks. It has no time-out, it is
    /// never made again, and the host bounds how many there are at a time.
    /// </summary>
    Job,

    /// <summary>
    /// A step of something that is open already on the host, such as a migration in phases. Whoever drives it bounds its time: the step
    /// waits for no place, has no time-out, and is never made again. What commits an operation must not wait behind reads.
    /// </summary>
    Step,

    /// <summary>
    /// A read by which somebody finds out whether a host answers. One whose calls are held back is asked all the same, and is called again
    /// as soon as it has answered: that others failed before says nothing of now.
    /// </summary>
    Probe,
}
