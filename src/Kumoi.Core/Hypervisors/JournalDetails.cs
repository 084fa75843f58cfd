namespace Kumoi.Hypervisors;

/// <summary>What is read again from an operation's details, and by which name.</summary>
internal static class JournalDetails
{
    /// <summary>The size of a VM that was made, or that moved.</summary>
    public const string MemoryBytes = "memoryBytes";

    /// <summary>What a failure was of: a name of <see cref="Kumoi.FaultDomain"/>.</summary>
    public const string FaultDomain = "faultDomain";

    /// <summary>What kind of failure it was: a name of <see cref="HypervisorError"/>.</summary>
    public const string ErrorCode = "errorCode";

    /// <summary>The disks that a VM takes with it to another host; null: none. How long that takes depends on them.</summary>
    public const string Disks = "disks";
}
