using Kumoi.PowerShell.Actions;

namespace Kumoi.PowerShell.Substitution;

/// <summary>An object without an origin is no element of a lineage.</summary>
internal sealed class OriginRule : SubstitutionRule<FailureCase>
{
    public override string? WhyNot(FailureCase its) =>
        its.Run.Request is { Origin: null } and not ActionRequest.ForSeveralHosts ? "the object does not come from a Kumoi source" : null;
}
