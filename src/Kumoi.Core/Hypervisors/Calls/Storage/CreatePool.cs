using System.Text.Json.Nodes;

namespace Kumoi.Hypervisors.Calls;

/// <summary>
/// Defines a storage pool under a name that no pool of the host has, and starts it if that is asked for. If it cannot be started, it has no
/// definition either.
/// </summary>
public sealed record CreatePool(PoolSpec Pool) : HostChange<PoolReading>
{
    public override string JournalKind => "CreatePool";

    public override string FaultOperation => Faults.FaultOperation.Define;

    public override JsonObject? Details => new()
    {
        ["pool"] = Pool.Name,
        ["kind"] = Pool.Kind.ToString(),
        ["path"] = Pool.Path,
        ["sourceHost"] = Pool.SourceHost,
        ["source"] = Pool.Source,
    };
}
