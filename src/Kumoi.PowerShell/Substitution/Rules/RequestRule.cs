using Kumoi.Lineage;

namespace Kumoi.PowerShell.Substitution;

/// <summary>A mistake in the request is no failure of the element.</summary>
internal sealed class RequestRule : SubstitutionRule<FailureCase>
{
    public override string? WhyNot(FailureCase its) =>
        FaultRules.IsOfRequest(its.Run.Request.Target, its.Error) ? FaultRules.WrongRequest : null;
}
