using Kumoi.FailureOblivious;
using Kumoi.Hypervisors;

namespace Kumoi.Workloads;

/// <summary>How a workload treats failures, and how it moves VMs.</summary>
public sealed record WorkloadOptions
{
    /// <summary>
    /// Null: the first failure that nothing replaced ends the workload. Else failures are masked: a host that cannot be read stands there
    /// with typed defaults of this mode, and a step that fails is left out.
    /// </summary>
    public MaskMode? Mask { get; init; }

    /// <summary>Whether another host may take the place of one that fails.</summary>
    public bool Substitute { get; init; } = true;

    public MigrationOptions Migration { get; init; } = new();

    /// <summary>
    /// How many targets a VM is sent to at once, exactly one of which wins; the others that have room are the reserve. Null: to one.
    /// </summary>
    public int? Replicas { get; init; }
}
