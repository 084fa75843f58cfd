using Kumoi.Lineage;

namespace Kumoi.PowerShell.Substitution;

/// <summary>A failure of another fault domain would meet other elements alike.</summary>
internal sealed class FaultDomainRule : SubstitutionRule<FailureCase>
{
    public override string? WhyNot(FailureCase its) =>
        its.Pipeline.Lineage.Concerns(its.Error) ? null : FaultRules.OfOtherDomain(its.Error);
}
