namespace Kumoi.PowerShell.Substitution;

/// <summary>The cmdlet is to replace nothing, or means what was chosen and nothing else.</summary>
internal sealed class TerminalRule : SubstitutionRule<PipelineCase>
{
    public override string? WhyNot(PipelineCase its) =>
        its.Terminal.OwnObstacle;
}
