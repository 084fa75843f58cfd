using Kumoi.PowerShell.Lineage;

namespace Kumoi.PowerShell.Substitution;

/// <summary>The choice that holds the reserve must be able to choose again.</summary>
internal sealed class HeldChoiceRule : SubstitutionRule<PipelineCase>
{
    public override string? WhyNot(PipelineCase its) =>
        (its.Lineage.Source as HeldSelection)?.Obstacle;
}
