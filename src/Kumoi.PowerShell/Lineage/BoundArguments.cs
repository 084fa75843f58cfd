using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;

namespace Kumoi.PowerShell.Lineage;

/// <summary>
/// The arguments of a cmdlet as they were when it began: values, and the script blocks whose binding waits for each object. Evaluating
/// the statement's arguments again would make a second New-Guid, or ask for a second credential.
/// </summary>
internal sealed class BoundArguments
{
    /// <summary>What concerns the author's variables and streams, not the work.</summary>
    private static readonly HashSet<string> Left = new(StringComparer.OrdinalIgnoreCase)
    {
        "OutVariable", "PipelineVariable", "ErrorVariable", "WarningVariable", "InformationVariable", "OutBuffer", "ReplayToken",
    };

    private readonly Dictionary<string, object?> _values = new(StringComparer.OrdinalIgnoreCase);

    public IReadOnlyCollection<string> Names => _values.Keys;

    /// <summary>A parameter whose script block could not be found again, so that the cmdlet cannot be replayed; null: there is none.</summary>
    public string? Unknown { get; private set; }

    public object? this[string name] => _values[name];

    /// <summary>To be called in BeginProcessing, before any object was bound.</summary>
    public static BoundArguments Of(PSCmdlet cmdlet, CommandAst command)
    {
        var bound = new BoundArguments();
        var waiting = new List<string>();
        foreach (var (name, value) in cmdlet.MyInvocation.BoundParameters)
        {
            if (value is not null && !value.GetType().IsVisible && value.GetType().Assembly == typeof(PSObject).Assembly)
            {
                // The engine's own place-holder for a script block that is bound anew for each object.
                waiting.Add(name);
            }
            else if (!Left.Contains(name))
            {
                bound._values[name] = value;
            }
        }

        foreach (var (name, block) in DelayBound(cmdlet, command))
        {
            bound._values.TryAdd(name, block);
        }

        bound.Unknown = waiting.Find(name => !bound._values.ContainsKey(name));
        return bound;
    }

    /// <summary>Script blocks given to parameters that take pipeline input: the engine keeps them out of BoundParameters until an object comes.</summary>
    private static IEnumerable<(string Name, ScriptBlock Block)> DelayBound(PSCmdlet cmdlet, CommandAst command)
    {
        for (var i = 1; i < command.CommandElements.Count; i++)
        {
            switch (command.CommandElements[i])
            {
                case CommandParameterAst named when Find(named.ParameterName) is { } name
                    && Block(named.Argument ?? command.CommandElements.ElementAtOrDefault(i + 1)) is { } block:
                    yield return (name, block);
                    break;
                case VariableExpressionAst { Splatted: true } splat
                    when cmdlet.SessionState.PSVariable.GetValue(splat.VariablePath.UserPath) is IDictionary table:
                    foreach (DictionaryEntry entry in table)
                    {
                        if (entry.Value is ScriptBlock splatted && Find(entry.Key.ToString()!) is { } splattedName)
                        {
                            yield return (splattedName, splatted);
                        }
                    }

                    break;
            }
        }

        // What is ambiguous was refused before the cmdlet began.
        string? Find(string given) => cmdlet.MyInvocation.MyCommand.ResolveParameter(given)?.Name;

        ScriptBlock? Block(Ast? argument) => argument switch
        {
            ScriptBlockExpressionAst literal => literal.ScriptBlock.GetScriptBlock(),
            VariableExpressionAst variable => cmdlet.SessionState.PSVariable.GetValue(variable.VariablePath.UserPath) as ScriptBlock,
            _ => null,
        };
    }
}
