namespace Kumoi.Hypervisors;

/// <summary>The kinds of failure that callers tell apart.</summary>
public enum HypervisorError
{
    Other = 0,

    /// <summary>The URI cannot be understood, or no driver handles it.</summary>
    InvalidUri,

    /// <summary>The hypervisor's client library is not installed.</summary>
    LibraryMissing,

    /// <summary>No connection could be made, or the open one was lost.</summary>
    ConnectionFailed,
    AuthenticationFailed,
    TimedOut,
    VMNotFound,
    VMExists,

    /// <summary>The specification or XML was refused.</summary>
    InvalidSpecification,

    /// <summary>The VM is not in a state that allows the operation.</summary>
    InvalidState,
    NotSupported,
    StorageFailed,
    ResourceUnavailable,

    /// <summary>The operation was aborted, by the caller or by somebody else.</summary>
    Aborted,

    /// <summary>Refused by the host's circuit breaker without a call.</summary>
    CircuitOpen,

    /// <summary>Refused without a call: the VM runs on another host, or may.</summary>
    RunsElsewhere,

    /// <summary>Refused without a call: the host is in maintenance, and takes no VMs.</summary>
    InMaintenance,

    SnapshotNotFound,
    SnapshotExists,
    DiskNotFound,
    AdapterNotFound,

    /// <summary>Another network of the host has the name, or some of the addresses.</summary>
    NetworkClash,
}
