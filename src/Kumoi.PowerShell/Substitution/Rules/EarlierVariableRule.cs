using System.Management.Automation.Language;
using Kumoi.PowerShell.Lineage;

namespace Kumoi.PowerShell.Substitution;

/// <summary>A variable that an earlier command hands on stands for no substitute.</summary>
internal sealed class EarlierVariableRule : SubstitutionRule<PipelineCase>
{
    public override string? WhyNot(PipelineCase its)
    {
        var earlier = its.Lineage switch
        {
            { Source: RecordedSource recorded } => recorded.Position,
            { Source: HeldSelection held, IsHeldHere: true } => held.Position + 1,
            _ => 0,
        };
        return its.Lineage.Location.Pipeline.PipelineElements.Take(earlier).OfType<CommandAst>()
            .Any(command => command.CommandElements.OfType<CommandParameterAst>().Any(IsPipelineVariable)
                || command.CommandElements.Any(IsSplat))
                ? "-PipelineVariable of an earlier command is not known for a substitute"
                : null;
    }

    private static bool IsSplat(CommandElementAst element) => element is VariableExpressionAst { Splatted: true };

    private static bool IsPipelineVariable(CommandParameterAst parameter) =>
        parameter.ParameterName.Equals("pv", StringComparison.OrdinalIgnoreCase)
        || (parameter.ParameterName.Length >= 2
            && "PipelineVariable".StartsWith(parameter.ParameterName, StringComparison.OrdinalIgnoreCase));
}
