using System.Text.Json.Nodes;

namespace Kumoi.Speculation.Repair;

/// <summary>What the journal, or a mark, has of an operation's plan.</summary>
/// <param name="Home">The host that the VM was on before; null: it was made.</param>
/// <param name="Candidates">The names of the hosts that it tried.</param>
/// <param name="WasPaused">Somebody had paused the VM before it was migrated.</param>
/// <param name="IsStrict">The winner is paused until the source has given the VM up.</param>
internal sealed record RepairPlan(string? Home, IReadOnlyList<string> Candidates, bool WasPaused, bool IsStrict)
{
    public static RepairPlan Of(KumoiOperation operation)
    {
        var details = JsonNode.Parse(operation.Details)!.AsObject();
        return new(
            operation.Kind is OperationKind.SpeculativeStart ? (string?)details["home"] : operation.VMHost,
            [.. details["candidates"]!.AsArray().Select(candidate => (string)candidate!["name"]!)],
            (bool?)details["paused"] ?? false,
            (bool?)details["strict"] ?? false);
    }
}
