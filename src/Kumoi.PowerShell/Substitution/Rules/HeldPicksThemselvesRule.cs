using Kumoi.PowerShell.Lineage;

namespace Kumoi.PowerShell.Substitution;

/// <summary>What was made from the picks of another statement is not what was picked.</summary>
internal sealed class HeldPicksThemselvesRule : SubstitutionRule<PipelineCase>
{
    public override string? WhyNot(PipelineCase its) =>
        its.Lineage is { Source: HeldSelection, IsHeldHere: false, IsMadeFromElements: true }
            ? "the objects were made from what was picked, in another statement"
            : null;
}
