using Kumoi.PowerShell.Lineage;

namespace Kumoi.PowerShell.Substitution;

/// <summary>The source must have seen all its input.</summary>
internal sealed class WholeSourceRule : SubstitutionRule<PipelineCase>
{
    public override string? WhyNot(PipelineCase its) =>
        its.Lineage.Source is RecordedSource { IsIncomplete: true }
            ? "the pipeline was satisfied before all input had reached the source, so what would have followed is not known"
            : null;
}
