namespace Kumoi.Fleets;

/// <summary>What a call does decides how long it may take and whether it may be made again.</summary>
public enum CallKind
{
    Connect = 0,
    Read,

    /// <summary>Changes something; a time-out leaves its outcome unknown.</summary>
    Write,

    /// <summary>Changes something, may take hours, and has a second host (a migration): no time-out, and never made again.</summary>
    Job,
}
