using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using System.Reflection;

namespace Kumoi.PowerShell.Lineage;

/// <summary>
/// The arguments of a cmdlet as they were when it began: values, and the script blocks whose binding waits for each object. Evaluating
/// the statement's arguments again would make a second New-Guid, or ask for a second credential.
/// </summary>
internal sealed class BoundArguments(CmdletInfo command)
{
    /// <summary>What concerns the author's variables and streams, not the work.</summary>
    private static readonly HashSet<string> Left = new(StringComparer.OrdinalIgnoreCase)
    {
        "OutVariable", "PipelineVariable", "ErrorVariable", "WarningVariable", "InformationVariable", "OutBuffer", "ReplayToken",
    };

    private readonly Dictionary<string, object?> _values = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<string> _boundLater = [];

    /// <summary>The cmdlet as it was found then: a script block of the pipeline can give its name another meaning.</summary>
    public CmdletInfo Cmdlet => command;

    public IReadOnlyCollection<string> Names => _values.Keys;

    /// <summary>The blocks from which a value is made for each element: -Name { … }.</summary>
    public IEnumerable<ScriptBlock> BlocksOfBinding => _boundLater.Select(name => (ScriptBlock)_values[name]!);

    /// <summary>The same, and what the cmdlet does with an element if it is a block: all that decides what comes out of it.</summary>
    public IEnumerable<ScriptBlock> BlocksOfStep => _values.Where(static entry =>
        !entry.Key.Equals("Undo", StringComparison.OrdinalIgnoreCase)).Select(static entry => entry.Value).OfType<ScriptBlock>();

    /// <summary>Why the cmdlet cannot be replayed; null if it can.</summary>
    public string? Obstacle { get; private set; }

    public object? this[string name] => _values[name];

    /// <summary>To be called in BeginProcessing, before any object was bound.</summary>
    public static BoundArguments Of(PSCmdlet cmdlet, CommandAst statement)
    {
        var bound = new BoundArguments((CmdletInfo)cmdlet.MyInvocation.MyCommand);
        foreach (var (name, value) in cmdlet.MyInvocation.BoundParameters)
        {
            if (string.Equals(name, "PipelineVariable", StringComparison.OrdinalIgnoreCase))
            {
                bound.Obstacle = $"{cmdlet.MyInvocation.MyCommand.Name} -PipelineVariable hands on a variable";
            }

            if (Left.Contains(name))
            {
                continue;
            }

            var argument = IsPlaceHolder(value) ? BlockOf(value) ?? WrittenBlock(cmdlet, statement, name) : value;
            bound._values[name] = CopyOf(argument);
            if (argument is ScriptBlock && IsPlaceHolder(value))
            {
                bound._boundLater.Add(name);
            }

            if (argument is null && IsPlaceHolder(value))
            {
                bound.Obstacle = $"the script block of -{name} is not written in the statement";
            }
            else if (argument is ScriptBlock block && VariableUse.OwnToRun(block.Ast) is { } own)
            {
                bound.Obstacle = $"the script block of -{name} uses ${own}, which means something else in each run";
            }
        }

        return bound;
    }

    /// <summary>A collection of the author's that is filled on the way means what it was.</summary>
    private static object? CopyOf(object? argument) => argument switch
    {
        Array list => list.Clone(),
        Hashtable table => table.Clone(),
        _ => argument,
    };

    /// <summary>The engine's own stand-in for a script block that is bound anew for each object.</summary>
    private static bool IsPlaceHolder(object? value) =>
        value is not null && !value.GetType().IsVisible && value.GetType().Assembly == typeof(PSObject).Assembly;

    /// <summary>
    /// The block behind the stand-in, as it is: it knows its module and the script's own types. The engine does not publish it.
    /// </summary>
    private static ScriptBlock? BlockOf(object placeHolder)
    {
        const BindingFlags any = BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public;
        var argument = placeHolder.GetType().GetField("_argument", any)?.GetValue(placeHolder);
        return argument?.GetType().GetProperty("ArgumentValue", any)?.GetValue(argument) as ScriptBlock;
    }

    /// <summary>The same from the statement, should the engine keep it elsewhere some day.</summary>
    private static ScriptBlock? WrittenBlock(PSCmdlet cmdlet, CommandAst statement, string name) =>
        CommandArguments.Of((CmdletInfo)cmdlet.MyInvocation.MyCommand, statement).Values
            .FirstOrDefault(argument => string.Equals(argument.Name, name, StringComparison.OrdinalIgnoreCase)).Value switch
        {
            ScriptBlockExpressionAst literal => literal.ScriptBlock.GetScriptBlock(),
            VariableExpressionAst variable => cmdlet.SessionState.PSVariable.GetValue(variable.VariablePath.UserPath) as ScriptBlock,
            _ => null,
        };
}
