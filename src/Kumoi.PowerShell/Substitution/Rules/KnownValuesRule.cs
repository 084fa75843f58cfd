using Kumoi.PowerShell.Lineage;

namespace Kumoi.PowerShell.Substitution;

/// <summary>What the steps read must have been recorded by value.</summary>
internal sealed class KnownValuesRule : SubstitutionRule<PipelineCase>
{
    public override string? WhyNot(PipelineCase its) =>
        its.Lineage.Reads?.Obstacle(isChosenAgain: its.Lineage.Source is RecordedSource);
}
