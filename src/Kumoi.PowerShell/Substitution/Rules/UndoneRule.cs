using Kumoi.Lineage;

namespace Kumoi.PowerShell.Substitution;

/// <summary>What was done must be gone.</summary>
internal sealed class UndoneRule : SubstitutionRule<FailureCase>
{
    public override string? WhyNot(FailureCase its) =>
        FaultRules.IsNotUndone(its.Error) ? FaultRules.NotUndone : null;
}
