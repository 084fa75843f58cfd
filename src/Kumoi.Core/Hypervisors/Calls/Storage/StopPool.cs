using System.Text.Json.Nodes;

namespace Kumoi.Hypervisors.Calls;

/// <summary>
/// Stops a storage pool; one that is not active is fine. One with images of VMs that run stays: <see
/// cref="HypervisorError.InvalidState"/>.
/// </summary>
/// <param name="Id">The pool: names can be given to another between two calls.</param>
/// <param name="PoolName">Its name, for people.</param>
public sealed record StopPool(Guid Id, string PoolName) : HostChange<PoolReading>
{
    public override string JournalKind => "StopPool";

    public override string FaultOperation => Faults.FaultOperation.Define;

    public override JsonObject? Details => new() { ["pool"] = PoolName };
}
