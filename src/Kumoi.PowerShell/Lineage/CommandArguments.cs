using System.Management.Automation;
using System.Management.Automation.Language;

namespace Kumoi.PowerShell.Lineage;

/// <summary>The arguments of a command as they are written, with the full names of their parameters.</summary>
internal sealed class CommandArguments
{
    private static readonly string[] VariableParameters =
        ["OutVariable", "ErrorVariable", "WarningVariable", "InformationVariable", "OutBuffer"];

    private readonly List<(string? Name, Ast Value)> _values = [];

    /// <summary>Each argument with its parameter; null for those that are given by position.</summary>
    public IReadOnlyList<(string? Name, Ast Value)> Values => _values;

    /// <summary>All parameters that are written out, switches included, without those for the author's own variables.</summary>
    public HashSet<string> Names { get; } = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Some parameters are not written out: <c>@arguments</c>.</summary>
    public bool IsSplatted { get; private set; }

    /// <summary>
    /// The elements of the command less the parameters for the author's own variables: a replay must not write those again.
    /// </summary>
    public IReadOnlyList<CommandElementAst> Replayed { get; private set; } = [];

    public static CommandArguments Of(CmdletInfo cmdlet, CommandAst command)
    {
        var arguments = new CommandArguments();
        var replayed = new List<CommandElementAst>();
        for (var i = 1; i < command.CommandElements.Count; i++)
        {
            var element = command.CommandElements[i];
            if (element is not CommandParameterAst parameter)
            {
                arguments.IsSplatted |= element is VariableExpressionAst { Splatted: true };
                arguments._values.Add((null, element));
                replayed.Add(element);
                continue;
            }

            // What is ambiguous was refused before the cmdlet began; what is unknown here is dynamic.
            var resolved = cmdlet.ResolveParameter(parameter.ParameterName);
            var name = resolved?.Name ?? parameter.ParameterName;
            var value = parameter.Argument
                ?? (resolved is { SwitchParameter: true } ? null : command.CommandElements.ElementAtOrDefault(i + 1) as Ast);
            var isAuthors = Array.Exists(VariableParameters, own => own.Equals(name, StringComparison.OrdinalIgnoreCase));
            if (!isAuthors)
            {
                arguments.Names.Add(name);
                replayed.Add(parameter);
                if (value is not null)
                {
                    arguments._values.Add((name, value));
                }
            }

            if (value is not null && parameter.Argument is null)
            {
                i++;
                if (!isAuthors)
                {
                    replayed.Add((CommandElementAst)value);
                }
            }
        }

        arguments.Replayed = replayed;
        return arguments;
    }
}
