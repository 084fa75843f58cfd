using System.Management.Automation;
using System.Management.Automation.Language;

namespace Kumoi.PowerShell.Lineage;

/// <summary>
/// What pieces of script read that is not their own: variables, the environment, and the commands that they call, with what those read in
/// turn. It is found in their syntax, in the session in which they run.
/// </summary>
internal sealed class ScriptReads(SessionState session)
{
    /// <summary>The engine sets them in each run, or they never change.</summary>
    private static readonly HashSet<string> Own = new(StringComparer.OrdinalIgnoreCase)
    {
        "_", "PSItem", "true", "false", "null", "Matches", "switch", "foreach", "input", "MyInvocation", "StackTrace", "^", "$", "?",
    };

    private static readonly HashSet<string> OwnOfFunctions =
        new(StringComparer.OrdinalIgnoreCase) { "args", "PSBoundParameters", "PSCmdlet" };

    private readonly HashSet<ScriptBlock> _blocks = [];

    public SessionState Session => session;

    /// <summary>Paths of variables as they are written: <c>n</c>, <c>script:n</c>, <c>env:SKIP</c>.</summary>
    public HashSet<string> Variables { get; } = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Names of commands as they are written.</summary>
    public HashSet<string> Commands { get; } = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Names of members, and all other constant words: a property can be named by one.</summary>
    public HashSet<string> Words { get; } = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Adds what a piece of script reads. What it assigns or fills itself is its own: a counter goes on counting.</summary>
    public void Add(Ast root) => Add(root, isFunction: false, []);

    /// <summary>Adds a command that is called, and what it reads if it is a function.</summary>
    public void Call(string name)
    {
        // What a function of a module reads is the module's; that it is the same function is known by its body.
        if (Commands.Add(name) && CommandResolution.Resolve(session.InvokeCommand, name) is FunctionInfo { Module: null } function
            && _blocks.Add(function.ScriptBlock))
        {
            var parameters = function.ScriptBlock.Ast.FindAll(static ast => ast is ParameterAst, searchNestedScriptBlocks: false)
                .Select(static parameter => ((ParameterAst)parameter).Name.VariablePath.UserPath);
            Add(function.ScriptBlock.Ast, isFunction: true, parameters);
        }
    }

    private void Add(Ast root, bool isFunction, IEnumerable<string> parameters)
    {
        var own = new HashSet<string>(
            VariableUse.Assigned(root).Concat(VariableUse.Filled(root)).Concat(parameters), StringComparer.OrdinalIgnoreCase);
        foreach (var ast in root.FindAll(static _ => true, searchNestedScriptBlocks: true))
        {
            switch (ast)
            {
                case ParameterAst parameter:
                    own.Add(parameter.Name.VariablePath.UserPath);
                    break;
                case UsingExpressionAst:
                    Variables.Add(RecordedReads.UsingValues);
                    break;
                case VariableExpressionAst variable when variable.Parent is not UsingExpressionAst
                    && !Own.Contains(variable.VariablePath.UserPath)
                    && !own.Contains(VariableUse.NameOf(variable))
                    && !(isFunction && OwnOfFunctions.Contains(variable.VariablePath.UserPath)):
                    Read(variable.VariablePath.UserPath);
                    break;
                case CommandAst command when command.GetCommandName() is { } name:
                    Call(name);
                    break;
                case StringConstantExpressionAst word:
                    Words.Add(word.Value);
                    break;
            }
        }
    }

    private void Read(string path)
    {
        if (!Variables.Add(path)
            || path.Contains(':', StringComparison.Ordinal) && path.StartsWith("env:", StringComparison.OrdinalIgnoreCase))
        {
            return;
        }

        foreach (var block in PlainValue.BlocksIn(RecordedReads.Find(session, path)?.Value))
        {
            if (_blocks.Add(block))
            {
                Add(block.Ast);
            }
        }
    }
}
