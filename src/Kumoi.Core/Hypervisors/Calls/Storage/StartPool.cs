using System.Text.Json.Nodes;

namespace Kumoi.Hypervisors.Calls;

/// <summary>Starts a storage pool; one that is active is fine.</summary>
/// <param name="Id">The pool: names can be given to another between two calls.</param>
/// <param name="PoolName">Its name, for people.</param>
public sealed record StartPool(Guid Id, string PoolName) : HostChange<PoolReading>
{
    public override string JournalKind => "StartPool";

    public override string FaultOperation => Faults.FaultOperation.Define;

    public override JsonObject? Details => new() { ["pool"] = PoolName };
}
