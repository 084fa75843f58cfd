namespace Kumoi;

/// <summary>One step of a workload: as it is planned, or as it was done.</summary>
public sealed record KumoiPlanStep
{
    /// <summary>Its place in the plan, 1, 2, ….</summary>
    public required int Order { get; init; }

    public required PlanAction Action { get; init; }

    /// <summary>
    /// The VM as it was read last; null for one that is yet to be made, where a host is meant, and for a step that the agent did.
    /// </summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public KumoiVM? VM { get; init; }

    /// <summary>The name of the VM, or of the host where a host is meant.</summary>
    public required string Name { get; init; }

    /// <summary>The host that the VM is on, or will be made on.</summary>
    public required string VMHost { get; init; }

    /// <summary>The host that it is moved to; null where it is not moved.</summary>
    public string? Target { get; init; }

    /// <summary>Why the workload does this.</summary>
    public required string Reason { get; init; }

    public PlanStepState State { get; init; }

    /// <summary>Why it failed; null unless <see cref="State"/> is Failed or Masked.</summary>
    public string? Error { get; init; }

    /// <summary>What failed on the way, and what took its place.</summary>
    public IReadOnlyList<string> Substitutions { get; init; } = [];

    public override string ToString() => VM is null && Name == VMHost
        ? $"{Action} {Name}: {State}" : $"{Action} {Name} on {VMHost}{(Target is null ? "" : $" to {Target}")}: {State}";
}
