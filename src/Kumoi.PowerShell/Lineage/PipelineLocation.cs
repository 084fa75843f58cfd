using System.Management.Automation;
using System.Management.Automation.Language;
using System.Management.Automation.Runspaces;
using System.Runtime.CompilerServices;

namespace Kumoi.PowerShell.Lineage;

/// <summary>Which pipeline of which script a running cmdlet stands in, and where in it.</summary>
internal sealed record PipelineLocation(PipelineAst Pipeline, int Position, string? File)
{
    private static readonly ConditionalWeakTable<string, Dictionary<long, CommandAst>> Parsed = new();

    /// <summary>False: no pipeline is recognised, as if there were no lineage at all. For the benchmark of what lineage costs.</summary>
    internal static bool IsEnabled { get; set; } = true;

    public CommandAst Command => (CommandAst)Pipeline.PipelineElements[Position];

    /// <summary>
    /// Null wherever the statement is not exactly what runs: proxy functions, steppable pipelines, <c>AddCommand</c>. A proxy can hide a
    /// filter, and the substitute would be a wrong host.
    /// </summary>
    public static PipelineLocation? Of(PSCmdlet cmdlet)
    {
        if (!IsEnabled)
        {
            return null;
        }

        var invocation = cmdlet.MyInvocation;
        var frame = Runspace.DefaultRunspace?.Debugger?.GetCallStack().FirstOrDefault();
        // Not Position.Text: a $(…) in any argument moves the position.
        if (frame?.Position?.StartScriptPosition?.GetFullScript() is not { Length: > 0 } script)
        {
            return null;
        }

        var commands = Parsed.GetValue(script, text => Parse(text, frame.ScriptName));
        if (!commands.TryGetValue(Place(invocation.ScriptLineNumber, invocation.OffsetInLine), out var command)
            || command.Parent is not PipelineAst pipeline
            || pipeline.PipelineElements.Count(element => element is CommandAst) != invocation.PipelineLength
            || command.GetCommandName() is not { } name
            || CommandResolution.Resolve(cmdlet.InvokeCommand, name) is not CmdletInfo resolved
            || resolved.ImplementingType != cmdlet.GetType())
        {
            return null;
        }

        var position = pipeline.PipelineElements.IndexOf(command);
        // An expression at the beginning is no command to the engine, and is not counted.
        var expressions = pipeline.PipelineElements[0] is CommandExpressionAst ? 1 : 0;
        return position == invocation.PipelinePosition - 1 + expressions
            ? new PipelineLocation(pipeline, position, frame.ScriptName) : null;
    }

    private static Dictionary<long, CommandAst> Parse(string script, string? file)
    {
        var commands = new Dictionary<long, CommandAst>();
        foreach (var ast in Parser.ParseInput(script, file, out _, out _)
            .FindAll(static ast => ast is CommandAst, searchNestedScriptBlocks: true))
        {
            commands[Place(ast.Extent.StartLineNumber, ast.Extent.StartColumnNumber)] = (CommandAst)ast;
        }

        return commands;
    }

    /// <summary>A number: .NET has the machine code of a dictionary by numbers, and not of one by pairs.</summary>
    private static long Place(int line, int column) => ((long)line << 32) | (uint)column;
}
