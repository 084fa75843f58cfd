using System.Management.Automation.Language;
using Kumoi.PowerShell.Lineage;

namespace Kumoi.PowerShell.Substitution;

/// <summary>Between the picks of another statement and this pipeline nothing may have happened.</summary>
internal sealed class HeldPicksComeAloneRule : SubstitutionRule<PipelineCase>
{
    public override string? WhyNot(PipelineCase its) =>
        its.Lineage is { Source: HeldSelection, IsHeldHere: false }
            && its.Lineage.Location.Pipeline.PipelineElements[0] is not CommandExpressionAst
            ? "the picks of another statement came through a command"
            : null;
}
