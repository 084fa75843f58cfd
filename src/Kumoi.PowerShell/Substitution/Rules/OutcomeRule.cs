using Kumoi.Lineage;

namespace Kumoi.PowerShell.Substitution;

/// <summary>What may have taken effect is not done a second time.</summary>
internal sealed class OutcomeRule : SubstitutionRule<FailureCase>
{
    public override string? WhyNot(FailureCase its) =>
        its.Run.MayHaveTakenEffect ? $"{FaultRules.InDoubt}{string.Concat(its.Run.Open.Select(open => $"; {open}"))}" : null;
}
