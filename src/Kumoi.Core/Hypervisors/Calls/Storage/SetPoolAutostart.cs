using System.Text.Json.Nodes;

namespace Kumoi.Hypervisors.Calls;

/// <summary>Whether the host starts a storage pool when the host itself starts.</summary>
/// <param name="Id">The pool: names can be given to another between two calls.</param>
/// <param name="PoolName">Its name, for people.</param>
/// <param name="IsOn">It does.</param>
public sealed record SetPoolAutostart(Guid Id, string PoolName, bool IsOn) : HostChange<PoolReading>
{
    public override string JournalKind => "SetPoolAutostart";

    public override string FaultOperation => Faults.FaultOperation.Define;

    public override JsonObject? Details => new() { ["pool"] = PoolName, ["on"] = IsOn };
}
