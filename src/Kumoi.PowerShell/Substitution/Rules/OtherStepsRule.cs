namespace Kumoi.PowerShell.Substitution;

/// <summary>What the author's own steps left open may be what a substitute would do a second time.</summary>
internal sealed class OtherStepsRule : SubstitutionRule<PipelineCase>
{
    public override string? WhyNot(PipelineCase its) =>
        its.Lineage.Run.Outcomes.Left is [{ } open, ..] ? $"another step of the pipeline may have done something: {open}" : null;
}
