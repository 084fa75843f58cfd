using Kumoi.PowerShell.Lineage;

namespace Kumoi.PowerShell.Substitution;

/// <summary>The source must have seen all its input.</summary>
internal sealed class WholeSourceRule : SubstitutionRule<PipelineCase>
{
    public override string? WhyNot(PipelineCase its) =>
        its.Lineage.Source is RecordedSource { IsIncomplete: true }
            ? "the pipeline had enough before all input had reached the source, so it is not known what would have followed"
            : null;
}
