using Kumoi.Hypervisors;

namespace Kumoi.Speculation.Start;

/// <summary>What is started by <see cref="SpeculativeStart"/>.</summary>
/// <param name="Id">The VM's id, which all replicas have.</param>
/// <param name="Name">Its name.</param>
/// <param name="Spec">To define a replica from, on any host but its own.</param>
/// <param name="Home">The host that has it, off; null: it is made.</param>
/// <param name="SharesDisks">Replicas would write to the same disks: only one of them can be there at a time.</param>
internal sealed record SpeculativeStartPlan(Guid Id, string Name, VMSpec Spec, KumoiConnection? Home, bool SharesDisks)
{
    /// <summary>Its home starts it when it starts itself.</summary>
    public bool IsAutostart { get; init; }
}
