using Kumoi.FailureOblivious;

namespace Kumoi.Hypervisors;

/// <summary>One VM as it was at <see cref="CapturedAt"/>.</summary>
/// <remarks>
/// What stands in for a VM that could not be read must not look idle, small or off: it is fully busy, fits nowhere, and its state is
/// unknown. It counts as transient, since who stops a transient VM loses it. Counters are 0: a made-up use would be charged.
/// </remarks>
public sealed record VMReading
{
    public required DateTimeOffset CapturedAt { get; init; }

    public required Guid Id { get; init; }

    public required string Name { get; init; }

    public PowerState State { get; init; }

    /// <summary>False: the VM is transient and vanishes when it stops.</summary>
    public bool IsPersistent { get; init; }

    /// <summary>
    /// Its memory was saved when it was stopped (libvirt's managed save), and its next start goes on from there: until then its disks are
    /// those of a guest in mid-work.
    /// </summary>
    [TypedDefault(true)]
    public bool HasSavedState { get; init; }

    /// <summary>Its host starts it when the host itself starts.</summary>
    public bool IsAutostart { get; init; }

    /// <inheritdoc cref="HostReading.IsMasked"/>
    public bool IsMasked { get; init; }

    /// <summary>What stands in is more than any host has.</summary>
    [TypedDefault(1 << 16)]
    public int CpuCount { get; init; }

    /// <summary>
    /// CPU time used since the VM started, or arrived on its host by a migration: all its counters begin anew then. Zero where unknown or
    /// not running.
    /// </summary>
    public TimeSpan CpuTime { get; init; }

    /// <summary>
    /// Share of its CPUs that was busy between the previous reading of the VM on this link and this one, 0..1; 0 for a VM that is known not
    /// to run; NaN where unknown, such as at the first reading since it started.
    /// </summary>
    [TypedDefault(1.0)]
    public double CpuRatio { get; init; } = double.NaN;

    /// <summary>The memory that the VM may use. What stands in is more than any host has.</summary>
    [TypedDefault(1L << 50)]
    public long MemoryBytes { get; init; }

    /// <summary>How many CPUs it can be given while it runs. What stands in is more than any host has.</summary>
    [TypedDefault(1 << 16)]
    public int MaxCpuCount { get; init; }

    /// <summary>What its balloon leaves to it of <see cref="MemoryBytes"/>. What stands in is more than any host has.</summary>
    [TypedDefault(1L << 50)]
    public long AssignedMemoryBytes { get; init; }

    /// <summary>Bytes read from and written to all its disks since it started.</summary>
    public long DiskReadBytes { get; init; }

    public long DiskWrittenBytes { get; init; }

    /// <summary>Bytes received and sent on all its network interfaces since it started.</summary>
    public long NetworkReceivedBytes { get; init; }

    public long NetworkSentBytes { get; init; }
}
