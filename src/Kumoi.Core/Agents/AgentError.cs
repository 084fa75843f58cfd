namespace Kumoi.Agents;

/// <summary>What is wrong with the agent.</summary>
public enum AgentError
{
    /// <summary>It could not be started, or ended before it answered.</summary>
    StartFailed = 0,

    /// <summary>The module's package has no agent.</summary>
    NotInstalled,

    /// <summary>ASP.NET Core's runtime is not on this machine.</summary>
    RuntimeMissing,

    /// <summary>There is no agent for this system.</summary>
    NotSupported,

    /// <summary>It runs, and is of another version of the module.</summary>
    OtherVersion,

    /// <summary>It does not run.</summary>
    NotRunning,

    /// <summary>It runs, and did not answer in time.</summary>
    NotResponding,

    /// <summary>It ended before it answered: what it was asked for may have been done.</summary>
    BrokeOff,

    /// <summary>Its folder or its socket belongs to somebody else, or is open to others.</summary>
    NotOurs,

    /// <summary>It has work, and is not ended without -Force.</summary>
    HasWork,

    /// <summary>It refused what it was asked for.</summary>
    Refused,

    /// <summary>What was named is not there.</summary>
    NotFound,

    /// <summary>It is there already.</summary>
    Exists,

    /// <summary>Its journal could not be read or written.</summary>
    JournalFailed,
}
