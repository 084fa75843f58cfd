namespace Kumoi.PolicySimulation;

/// <summary>How long an operation takes, what it costs, and how it is tried again without speculation.</summary>
internal sealed record OperationModel
{
    /// <summary>
    /// A live migration: 1.25 bytes for each byte of memory (pages are written while they are sent) at 0.5 GiB/s. One stream leaves the
    /// source, however many targets it is copied to, so replicas make it no slower; the network carries it once for each.
    /// </summary>
    public static OperationModel Migration { get; } = new()
    {
        SecPerGiB = 2.5,
        NetworkGiBPerGiB = 1.25,
        OneStream = true,
        RetryBackoffSec = 15,
        RetryTimeoutSec = 300,
    };

    /// <summary>The power-on of a new VM: no bytes. One that failed goes back into the backlog of the workload at once.</summary>
    public static OperationModel PowerOn { get; } = new() { SecPerGiB = 30 };

    /// <summary>The mean duration on a host that is not slow, for each GiB of a VM's memory. (A power-on is counted as one GiB.)</summary>
    public required double SecPerGiB { get; init; }

    /// <summary>How durations vary: the standard deviation of their logarithm.</summary>
    public double DurationSigma { get; init; } = 0.4;

    /// <summary>What the network carries for each replica and GiB of memory.</summary>
    public double NetworkGiBPerGiB { get; init; }

    /// <summary>
    /// A replica can begin later only when the one before it has been given up: QEMU has one outgoing migration for each VM.
    /// </summary>
    public bool OneStream { get; init; }

    /// <summary>The wait before the same targets are tried again, doubled each time.</summary>
    public double RetryBackoffSec { get; init; }

    /// <summary>After this long no more: the algorithm that chose the targets is run again. 0: the first failure is final.</summary>
    public double RetryTimeoutSec { get; init; }
}
