namespace Kumoi.PowerShell.Substitution;

/// <summary>Who stops the pipeline wants no other element.</summary>
internal sealed class StoppedRule : SubstitutionRule<FailureCase>
{
    public override string? WhyNot(FailureCase its) =>
        its.Error is OperationCanceledException ? "it was stopped" : null;
}
