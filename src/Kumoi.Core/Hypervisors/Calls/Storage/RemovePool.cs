using System.Text.Json.Nodes;

namespace Kumoi.Hypervisors.Calls;

/// <summary>
/// Stops a storage pool, and removes its definition; what is in it stays. One that is gone is fine. One with images of VMs stays as it
/// is: <see cref="HypervisorError.InvalidState"/>.
/// </summary>
/// <param name="Id">The pool: names can be given to another between two calls.</param>
/// <param name="PoolName">Its name, for people.</param>
public sealed record RemovePool(Guid Id, string PoolName) : HostChange<Done>
{
    public override string JournalKind => "RemovePool";

    public override string FaultOperation => Faults.FaultOperation.Define;

    public override JsonObject? Details => new() { ["pool"] = PoolName };
}
