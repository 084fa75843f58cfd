using System.Management.Automation;
using System.Management.Automation.Language;
using System.Reflection;

namespace Kumoi.PowerShell.Lineage;

/// <summary>One step of a pipeline: what it is, and how it is written when it is run again.</summary>
internal sealed record PipelineStep
{
    /// <summary>The operators of Where-Object's property form.</summary>
    public static readonly HashSet<string> Comparisons = new(StringComparer.OrdinalIgnoreCase)
    {
        "EQ", "CEQ", "NE", "CNE", "GT", "CGT", "LT", "CLT", "GE", "CGE", "LE", "CLE", "Like", "CLike", "NotLike", "CNotLike", "Match",
        "CMatch", "NotMatch", "CNotMatch", "Contains", "CContains", "NotContains", "CNotContains", "In", "CIn", "NotIn", "CNotIn", "Is",
        "IsNot", "Not",
    };

    public required StepKind Kind { get; init; }

    /// <summary>As the author wrote it.</summary>
    public required string Text { get; init; }

    /// <summary>The same without variables for the author's own use, module-qualified.</summary>
    public string Replay { get; init; } = "";

    /// <summary>The expression that may have an effect when the step is run again on everything; null if there is none.</summary>
    public string? Effect { get; init; }

    /// <summary>
    /// The expression outside of script blocks that may have an effect when it is evaluated again; null if there is none.
    /// </summary>
    public string? ArgumentEffect { get; init; }

    /// <summary>For <see cref="StepKind.Opaque"/>: why.</summary>
    public string? Obstacle { get; init; }

    /// <summary>An extraction whose substitutes do not simply come after its picks: -Last, -Bottom, -Index.</summary>
    public bool FromEnd { get; init; }

    /// <summary>As many elements come out as go in.</summary>
    public bool KeepsCount { get; init; }

    /// <summary>It hands a variable to later steps.</summary>
    public bool HasPipelineVariable { get; init; }

    public CommandAst? Command { get; init; }

    /// <summary>What is written behind the command; null for <see cref="StepKind.Opaque"/>.</summary>
    public CommandArguments? Arguments { get; init; }

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
                    : $"'{name}' is not a cmdlet, so what it does with the elements is unknown");
        }

        var arguments = CommandArguments.Of(cmdlet, command);
        var kind = KindOf(cmdlet, command, arguments, out var fromEnd, out var obstacle);
        if (kind is not StepKind.Action && ObstacleOf(command, arguments) is { } written)
        {
            return Opaque(text, written);
        }

        // Where-Object CpuRatio -lt $limit runs no argument; Where-Object $filter and Sort-Object $keys may.
        var runsItsArguments = kind is StepKind.Order or StepKind.Extraction
            || (kind is StepKind.Filter && !arguments.Names.Overlaps(Comparisons));
        return new PipelineStep
        {
            Kind = kind,
            Text = text,
            Replay = $"{cmdlet.ModuleName}\\{cmdlet.Name} "
                + string.Join(' ', arguments.Replayed.Concat<Ast>(command.Redirections).Select(part => part.Extent.Text)),
            Effect = arguments.Values
                .Select(argument => runsItsArguments && !IsCount(argument.Name)
                    ? purity.FindEffectOfArgument(argument.Value) : purity.FindEffect(argument.Value))
                .FirstOrDefault(found => found is not null)?.Extent.Text,
            // A block that is written out, or named by a variable, is not run by being given.
            ArgumentEffect = arguments.Values.Where(argument => argument.Value is not (ScriptBlockExpressionAst or VariableExpressionAst))
                .Select(argument => purity.FindEffect(argument.Value)).FirstOrDefault(found => found is not null)?.Extent.Text,
            Obstacle = obstacle,
            FromEnd = fromEnd,
            KeepsCount = kind is StepKind.Order && !arguments.Names.Contains("Unique"),
            HasPipelineVariable = arguments.Names.Contains("PipelineVariable"),
            Command = command,
            Arguments = arguments,
        };
    }

    private static PipelineStep Opaque(string text, string obstacle) => new() { Kind = StepKind.Opaque, Text = text, Obstacle = obstacle };

    /// <summary>What is written in the step that cannot be replayed, whatever the step does.</summary>
    private static string? ObstacleOf(CommandAst command, CommandArguments arguments)
    {
        if (arguments.IsSplatted)
        {
            return $"the parameters of '{command.Extent.Text}' are not written out";
        }

        if (command.Redirections.Any(
            redirection => redirection is not FileRedirectionAst { Location: VariableExpressionAst { VariablePath.UserPath: "null" } }))
        {
            return $"'{command.Extent.Text}' redirects its output";
        }

        if (VariableUse.OwnToRun(command) is { } own)
        {
            return $"'{command.Extent.Text}' uses ${own}, which means something else in each run";
        }

        // The types of a script are known to that script only.
        return command.FindAll(static ast => ast is TypeExpressionAst or TypeConstraintAst, searchNestedScriptBlocks: true)
                .FirstOrDefault(
                    ast => (ast is TypeExpressionAst expression ? expression.TypeName : ((TypeConstraintAst)ast).TypeName) is var type
                    && type.GetReflectionType() is null && type.GetReflectionAttributeType() is null
                        && !type.FullName.Equals("ordered", StringComparison.OrdinalIgnoreCase)) is { } unknown
            ? $"'{unknown.Extent.Text}' is a type that is known to the script only"
            : null;
    }

    private static StepKind KindOf(
        CmdletInfo cmdlet, CommandAst command, CommandArguments arguments, out bool fromEnd, out string? obstacle)
    {
        fromEnd = false;
        obstacle = null;
        if (cmdlet.ImplementingType.Assembly == typeof(PipelineStep).Assembly)
        {
            return cmdlet.ImplementingType.GetCustomAttribute<PipelineRoleAttribute>()?.Kind ?? StepKind.Opaque;
        }

        var names = arguments.Names;
        switch (cmdlet.ImplementingType.FullName)
        {
            case "Microsoft.PowerShell.Commands.WhereObjectCommand":
                return StepKind.Filter;
            case "Microsoft.PowerShell.Commands.SortObjectCommand":
                fromEnd = names.Contains("Bottom");
                return names.Overlaps(["Top", "Bottom"]) ? StepKind.Extraction : StepKind.Order;
            case "Microsoft.PowerShell.Commands.ForEachObjectCommand":
                // One block that is written out, or one name of a property: more of them would be a begin or an end.
                if (arguments.Values
                    is [{ Name: null or "Process" or "MemberName", Value: ScriptBlockExpressionAst or StringConstantExpressionAst }])
                {
                    return StepKind.PerElement;
                }

                obstacle =
                    $"'{command.Extent.Text}' is more than one script block that is written out: it may keep something between elements";
                return StepKind.Opaque;
            case "Microsoft.PowerShell.Commands.AddMemberCommand":
                return names.Contains("PassThru") ? StepKind.PerElement : StepKind.Opaque;
            case "Microsoft.PowerShell.Commands.SelectObjectCommand":
                if (names.Overlaps(["First", "Last", "Index"]))
                {
                    // A substitute for one of several indices stands among the picks.
                    fromEnd = names.Overlaps(["Last", "Index"]);
                    return StepKind.Extraction;
                }

                return names.IsSubsetOf(["Property", "ExcludeProperty", "ExpandProperty"]) ? StepKind.PerElement : StepKind.Opaque;
            default:
                return StepKind.Opaque;
        }
    }

    /// <summary>A number, which nothing runs.</summary>
    private static bool IsCount(string? parameter) =>
        parameter is "First" or "Last" or "Skip" or "SkipLast" or "Index" or "Top" or "Bottom";
}
