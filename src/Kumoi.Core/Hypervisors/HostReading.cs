using Kumoi.FailureOblivious;

namespace Kumoi.Hypervisors;

/// <summary>One host as it was at <see cref="CapturedAt"/>, with all its VMs when they were asked for.</summary>
/// <remarks>
/// Each property says by <see cref="TypedDefaultAttribute"/> what stands in for it where the host could not be read, if the default of its
/// type would do harm. A made-up host must not attract VMs. Capacities are 0 then, and the tags are not known, so nothing fits and no tag
/// matches; <see cref="VMs"/> is empty, so ask <see cref="IsMasked"/> before taking a host for empty.
/// </remarks>
public sealed record HostReading
{
    /// <summary>More than any host has; and small enough that the sum over a fleet is a number.</summary>
    private const int TooManyVMs = 1_000_000;

    private readonly int? _vmCount;
    private readonly int? _runningVMCount;

    public required DateTimeOffset CapturedAt { get; init; }

    /// <summary>The host's own name, as it calls itself.</summary>
    public required string HostName { get; init; }

    /// <summary>Such as <c>QEMU</c>, <c>TEST</c> or <c>Simulated</c>.</summary>
    public required string HypervisorType { get; init; }

    /// <summary>Null where the hypervisor does not tell.</summary>
    public Version? HypervisorVersion { get; init; }

    /// <summary>The architecture or model that the node reports, such as <c>x86_64</c>.</summary>
    public string CpuModel { get; init; } = "";

    /// <summary>Active logical CPUs.</summary>
    public int CpuCount { get; init; }

    /// <summary>Share of all CPUs that was busy between the previous reading and this one, 0..1; NaN where unknown.</summary>
    [TypedDefault(1.0)]
    public double CpuRatio { get; init; } = double.NaN;

    public long MemoryBytes { get; init; }

    /// <summary>Free memory including what caches would give back.</summary>
    public long FreeMemoryBytes { get; init; }

    /// <summary>Null when VMs were not asked for.</summary>
    public IReadOnlyList<VMReading>? VMs { get; init; }

    /// <summary>How many VMs it has; 0 when they were not asked for.</summary>
    [TypedDefault(TooManyVMs)]
    public int VMCount
    {
        get => _vmCount ?? VMs?.Count ?? 0;
        init => _vmCount = value;
    }

    /// <inheritdoc cref="VMCount"/>
    [TypedDefault(TooManyVMs)]
    public int RunningVMCount
    {
        get => _runningVMCount ?? VMs?.Count(vm => vm.State is PowerState.Running) ?? 0;
        init => _runningVMCount = value;
    }

    /// <summary>Made up in the place of a reading that failed.</summary>
    public bool IsMasked { get; init; }

    /// <summary>Labels that come with the host itself (the simulated fleet's racks and roles); the fleet adds the admin's.</summary>
    public IReadOnlyList<string> Tags { get; init; } = [];
}
