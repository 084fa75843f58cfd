namespace Kumoi.PowerShell.Substitution;

/// <summary>The pipeline must be known to mean the same twice.</summary>
internal sealed class PipelineRule : SubstitutionRule<FailureCase>
{
    public override string? WhyNot(FailureCase its) =>
        SubstitutionRules.WhyNot(its.Pipeline) is { } why
            ? $"{why}. Select-KumoiHost and Select-KumoiVM keep a reserve with any steps above them"
            : null;
}
