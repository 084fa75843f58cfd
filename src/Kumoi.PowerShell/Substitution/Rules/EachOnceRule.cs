namespace Kumoi.PowerShell.Substitution;

/// <summary>Of an element that came twice, nobody knows which one is to be replaced.</summary>
internal sealed class EachOnceRule : SubstitutionRule<PipelineCase>
{
    public override string? WhyNot(PipelineCase its) =>
        its.Lineage.IsRepeated ? "an element came more than once" : null;
}
