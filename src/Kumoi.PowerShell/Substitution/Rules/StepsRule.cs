using Kumoi.PowerShell.Lineage;

namespace Kumoi.PowerShell.Substitution;

/// <summary>The steps from the choice to the terminal, and those that choose, must mean the same when they are run again.</summary>
internal sealed class StepsRule : SubstitutionRule<PipelineCase>
{
    public override string? WhyNot(PipelineCase its) =>
        its.Lineage is { Source: RecordedSource recorded }
            ? its.Lineage.Plan.ObstacleAfterSource(recorded.Position, its.Lineage.Location.Position, recorded.PipelineVariable is not null)
            : its.Lineage.Plan.ObstacleBelow(its.Lineage.ChoicePosition, its.Lineage.Location.Position);
}
