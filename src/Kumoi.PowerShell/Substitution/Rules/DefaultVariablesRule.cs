namespace Kumoi.PowerShell.Substitution;

/// <summary>A step that is run again would write variables of the author.</summary>
internal sealed class DefaultVariablesRule : SubstitutionRule<PipelineCase>
{
    public override string? WhyNot(PipelineCase its) =>
        its.Lineage.WritesVariablesByDefault ? "$PSDefaultParameterValues writes variables of its own" : null;
}
