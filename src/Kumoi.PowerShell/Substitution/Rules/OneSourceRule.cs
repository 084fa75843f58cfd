namespace Kumoi.PowerShell.Substitution;

/// <summary>Elements of several sources, or objects of unknown origin, have no common reserve.</summary>
internal sealed class OneSourceRule : SubstitutionRule<PipelineCase>
{
    public override string? WhyNot(PipelineCase its) =>
        its.Lineage is { Source: not null, IsMixed: false } ? null : "the objects do not come from one Kumoi source";
}
