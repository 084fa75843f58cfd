using Kumoi.PowerShell.Lineage;

namespace Kumoi.PowerShell.Substitution;

/// <summary>An argument further down has changed what an argument above the choice was made of.</summary>
internal sealed class LaterArgumentsRule : SubstitutionRule<PipelineCase>
{
    public override string? WhyNot(PipelineCase its) =>
        its.Lineage is { Source: RecordedSource, ArgumentEffect: { } argument }
            ? $"'{argument}' is evaluated after the arguments above the choice, and may change what they read"
            : null;
}
