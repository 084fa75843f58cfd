using Kumoi.PowerShell.Lineage;

namespace Kumoi.PowerShell.Substitution;

/// <summary>A pipeline that still runs replaces its picks itself.</summary>
internal sealed class HeldPipelineOverRule : SubstitutionRule<PipelineCase>
{
    public override string? WhyNot(PipelineCase its) =>
        its.Lineage is { Source: HeldSelection { Run.IsAlive: true }, IsHeldHere: false }
            ? "the pipeline that picked them is still under way, and replaces them itself"
            : null;
}
