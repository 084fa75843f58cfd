using Kumoi.PowerShell.Lineage;

namespace Kumoi.PowerShell.Substitution;

/// <summary>Across statements nothing is replaced unless all picks arrived.</summary>
internal sealed class AllPicksRule : SubstitutionRule<PipelineCase>
{
    public override string? WhyNot(PipelineCase its) =>
        its is { InputEnded: true, Lineage: { Source: HeldSelection held, IsHeldHere: false } }
            && !its.Lineage.HaveArrived.IsSupersetOf(held.Choose(new HashSet<int>()))
                ? "not all picks came here"
                : null;
}
