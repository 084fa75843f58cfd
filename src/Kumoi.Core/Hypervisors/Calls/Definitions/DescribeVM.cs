using System.Text.Json.Nodes;

namespace Kumoi.Hypervisors.Calls;

/// <summary>Changes what the definition says of the VM in words, at once and from its next start on. Gives what it said before.</summary>
/// <param name="Id">The VM.</param>
/// <param name="Title">One line; empty: none; null: as it is.</param>
/// <param name="Description">Several lines; empty: none; null: as it is.</param>
public sealed record DescribeVM(Guid Id, string? Title, string? Description) : VMChange<VMTexts>(Id)
{
    public override string JournalKind => "Describe";

    public override string FaultOperation => Faults.FaultOperation.Define;

    public override MaskPolicy Masking => MaskPolicy.TypedDefault;

    /// <summary>People write passwords into descriptions.</summary>
    public override JsonObject? Details => new() { ["title"] = Title, ["descriptionLength"] = Description?.Length };
}
