using Kumoi.PowerShell.Lineage;

namespace Kumoi.PowerShell.Substitution;

/// <summary>What was only read keeps no reserve beyond its statement.</summary>
internal sealed class SameStatementRule : SubstitutionRule<PipelineCase>
{
    public override string? WhyNot(PipelineCase its) =>
        its.Lineage.Source is RecordedSource recorded && !(ReferenceEquals(recorded.Run, its.Lineage.Run) && its.Lineage.Run.IsAlive)
            ? "the objects were read in another statement; Select-KumoiHost keeps a reserve across statements"
            : null;
}
