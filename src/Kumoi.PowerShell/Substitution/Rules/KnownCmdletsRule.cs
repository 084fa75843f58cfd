using Kumoi.PowerShell.Lineage;

namespace Kumoi.PowerShell.Substitution;

/// <summary>A cmdlet that is called by a proxy, or as a value, was not recognised when it began.</summary>
internal sealed class KnownCmdletsRule : SubstitutionRule<PipelineCase>
{
    public override string? WhyNot(PipelineCase its) =>
        its.Lineage.Plan.Steps
            .Where((step, index) => step.Kind is StepKind.Action && !its.Lineage.Run.Arguments.ContainsKey(index + 1))
            .FirstOrDefault() is { } step
            ? $"what '{step.Text}' was given is not known"
            : null;
}
