using System.Management.Automation;
using System.Management.Automation.Language;
using Kumoi.PowerShell.Pumping;

namespace Kumoi.PowerShell.Lineage;

/// <summary>One step of a pipeline: what it is, and how it is written when it is run again.</summary>
internal sealed record PipelineStep
{
    private static readonly string[] CommonVariables =
        ["OutVariable", "ov", "ErrorVariable", "ev", "WarningVariable", "wv", "InformationVariable", "iv", "OutBuffer", "ob"];

    public required StepKind Kind { get; init; }

    /// <summary>As the author wrote it.</summary>
    public required string Text { get; init; }

    /// <summary>The same without redirections and variables for the author's own use, module-qualified.</summary>
    public string Replay { get; init; } = "";

    /// <summary>The expression that may have an effect; null if running it again has none.</summary>
    public string? Effect { get; init; }

    /// <summary>For <see cref="StepKind.Opaque"/>: why.</summary>
    public string? Obstacle { get; init; }

    /// <summary>An extraction whose substitutes do not simply come after its picks: -Last, -Bottom, -Index.</summary>
    public bool FromEnd { get; init; }

    public bool IsPerElement => Kind is StepKind.Filter or StepKind.PerElement or StepKind.Action;

    public static PipelineStep Of(CommandBaseAst element, PSCmdlet asker, Purity purity)
    {
        var text = element.Extent.Text;
        if (element is not CommandAst command || command.GetCommandName() is not { } name)
        {
            return Opaque(text, $"'{text}' has no static name");
        }

        if (CommandResolution.Resolve(asker.InvokeCommand, name) is not CmdletInfo cmdlet)
        {
            return Opaque(
                text, string.Equals(name, "sort", StringComparison.OrdinalIgnoreCase)
                    ? "'sort' is a native program here: write Sort-Object"
                    : $"'{name}' is no cmdlet, so what it does with the elements is unknown");
        }

        var kind = KindOf(cmdlet, command, out var fromEnd, out var obstacle);
        // Where-Object CpuRatio -lt $limit runs no argument; Where-Object $filter and Sort-Object $keys may.
        var runsItsArguments = kind is StepKind.Order or StepKind.Extraction
            || (kind is StepKind.Filter && !command.CommandElements.OfType<CommandParameterAst>().Any(IsComparison));
        var effect = command.CommandElements.Skip(1)
            .Select((element, before) => runsItsArguments && !IsCount(cmdlet, command.CommandElements[before])
                ? purity.FindEffectOfArgument(element, asker.SessionState)
                : purity.FindEffect(element))
            .FirstOrDefault(found => found is not null)?.Extent.Text;
        return new PipelineStep
        {
            Kind = kind,
            Text = text,
            Replay = Rebuild(cmdlet, command),
            Effect = effect,
            Obstacle = obstacle,
            FromEnd = fromEnd,
        };
    }

    private static PipelineStep Opaque(string text, string obstacle) => new() { Kind = StepKind.Opaque, Text = text, Obstacle = obstacle };

    private static StepKind KindOf(CmdletInfo cmdlet, CommandAst command, out bool fromEnd, out string? obstacle)
    {
        fromEnd = false;
        obstacle = null;
        if (typeof(ActionCmdlet).IsAssignableFrom(cmdlet.ImplementingType))
        {
            return StepKind.Action;
        }

        if (cmdlet.ImplementingType.Assembly == typeof(PipelineStep).Assembly)
        {
            return typeof(SelectElementCmdlet).IsAssignableFrom(cmdlet.ImplementingType) ? StepKind.Held : StepKind.Opaque;
        }

        var parameters = ParametersOf(cmdlet, command);
        switch (cmdlet.ImplementingType.FullName)
        {
            case "Microsoft.PowerShell.Commands.WhereObjectCommand":
                return StepKind.Filter;
            case "Microsoft.PowerShell.Commands.SortObjectCommand":
                fromEnd = parameters.Contains("Bottom");
                return parameters.Overlaps(["Top", "Bottom"]) ? StepKind.Extraction : StepKind.Order;
            case "Microsoft.PowerShell.Commands.ForEachObjectCommand":
                if (parameters.Overlaps(["Begin", "End", "Parallel"])
                    || command.CommandElements.Count(element => element is ScriptBlockExpressionAst) > 1)
                {
                    obstacle = $"'{command.Extent.Text}' keeps something between elements";
                    return StepKind.Opaque;
                }

                return StepKind.PerElement;
            case "Microsoft.PowerShell.Commands.AddMemberCommand":
                return parameters.Contains("PassThru") ? StepKind.PerElement : StepKind.Opaque;
            case "Microsoft.PowerShell.Commands.SelectObjectCommand":
                if (parameters.Overlaps(["First", "Last", "Index"]))
                {
                    // A substitute for one of several indices stands among the picks.
                    fromEnd = parameters.Overlaps(["Last", "Index"]);
                    return StepKind.Extraction;
                }

                return parameters.IsSubsetOf(["Property", "ExcludeProperty", "ExpandProperty"]) ? StepKind.PerElement : StepKind.Opaque;
            default:
                return StepKind.Opaque;
        }
    }

    /// <summary>The full names of the parameters that are written out; a splat, whose names are not, gives one that nothing allows.</summary>
    private static HashSet<string> ParametersOf(CmdletInfo cmdlet, CommandAst command)
    {
        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var element in command.CommandElements.Skip(1))
        {
            if (element is CommandParameterAst parameter && !IsCommonVariable(parameter.ParameterName))
            {
                names.Add(cmdlet.ResolveParameter(parameter.ParameterName)?.Name ?? parameter.ParameterName);
            }
            else if (element is VariableExpressionAst { Splatted: true } splat)
            {
                names.Add("@" + splat.VariablePath.UserPath);
            }
        }

        return names;
    }

    private static string Rebuild(CmdletInfo cmdlet, CommandAst command)
    {
        var parts = new List<string> { $"{cmdlet.ModuleName}\\{cmdlet.Name}" };
        for (var i = 1; i < command.CommandElements.Count; i++)
        {
            var element = command.CommandElements[i];
            if (element is CommandParameterAst parameter && IsCommonVariable(parameter.ParameterName))
            {
                i += parameter.Argument is null ? 1 : 0;
                continue;
            }

            parts.Add(element.Extent.Text);
        }

        return string.Join(' ', parts);
    }

    /// <summary>Whether what follows is a number, which nothing runs.</summary>
    private static bool IsCount(CmdletInfo cmdlet, CommandElementAst before) =>
        before is CommandParameterAst { Argument: null } parameter
        && !IsCommonVariable(parameter.ParameterName)
        && cmdlet.ResolveParameter(parameter.ParameterName)?.Name is "First" or "Last" or "Skip" or "SkipLast" or "Index" or "Top" or "Bottom";

    /// <summary>An operator of Where-Object's property form (-lt, -Match, …).</summary>
    private static bool IsComparison(CommandParameterAst parameter) =>
        !IsCommonVariable(parameter.ParameterName)
        && !"FilterScript".StartsWith(parameter.ParameterName, StringComparison.OrdinalIgnoreCase)
        && !"InputObject".StartsWith(parameter.ParameterName, StringComparison.OrdinalIgnoreCase)
        && !"Verbose".Equals(parameter.ParameterName, StringComparison.OrdinalIgnoreCase)
        && !"PipelineVariable".StartsWith(parameter.ParameterName, StringComparison.OrdinalIgnoreCase)
        && !"ErrorAction".StartsWith(parameter.ParameterName, StringComparison.OrdinalIgnoreCase);

    private static bool IsCommonVariable(string name) => Array.Exists(
        CommonVariables, common => common.Equals(name, StringComparison.OrdinalIgnoreCase)
            || (name.Length >= 4 && common.StartsWith(name, StringComparison.OrdinalIgnoreCase)));
}
