namespace Kumoi.Fleets;

/// <summary>What a call does decides how long it may take and whether it may be made again.</summary>
public enum CallKind
{
    Connect = 0,
    Read,

    /// <summary>Changes something; a time-out leaves its outcome unknown.</summary>
    Write,

    /// <summary>
    /// Changes something, and may take hours: a migration, which has a second host, or the copying of disks. No time-out, and never made
    /// again.
    /// </summary>
    Job,
}
