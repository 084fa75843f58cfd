namespace Kumoi;

/// <summary>What became of a host in a rolling upgrade.</summary>
public enum HostUpdateState
{
    /// <summary>It is upgraded, and back in service unless it was in maintenance before.</summary>
    Updated = 0,

    /// <summary>An earlier run of the same rolling upgrade has upgraded it: it was left out.</summary>
    AlreadyUpdated,

    /// <summary>It was declined.</summary>
    Skipped,

    /// <summary>A step failed.</summary>
    Failed,
}
