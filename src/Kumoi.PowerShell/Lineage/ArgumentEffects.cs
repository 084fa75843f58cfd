using System.Management.Automation;
using System.Management.Automation.Language;

namespace Kumoi.PowerShell.Lineage;

/// <summary>
/// Arguments of a pipeline are evaluated one after the other before any of its cmdlets begins. One that changes what an earlier step was
/// given would make that step mean something else when it is run again: with the value that was recorded, which is the later one.
/// </summary>
internal sealed class ArgumentEffects(Purity purity, PSCmdlet asker, IReadOnlySet<string> read)
{
    private readonly HashSet<string> _names = [.. read.Select(static path => path[(path.LastIndexOf(':') + 1)..].ToUpperInvariant())];

    /// <summary>The first expression in the arguments of these commands that may change what was read; null: there is none.</summary>
    public string? Find(IEnumerable<CommandBaseAst> commands) => commands.OfType<CommandAst>()
        .SelectMany(static command => command.CommandElements.Skip(1))
        .Select(static element => element is CommandParameterAst parameter ? parameter.Argument : (Ast)element)
        .Where(static argument => argument is not (null or ScriptBlockExpressionAst or VariableExpressionAst or ConstantExpressionAst))
        .SelectMany(argument => purity.FindEffects(argument!))
        .FirstOrDefault(MayChange)?.Extent.Text;

    private bool MayChange(Ast effect) => effect switch
    {
        AssignmentStatementAst assignment => Touches(assignment.Left),
        UnaryExpressionAst unary => Touches(unary.Child),
        // What .NET and cmdlets that only get something do, they do without the author's variables.
        InvokeMemberExpressionAst { Static: true } call =>
            call.Arguments?.Any(static argument => argument is ConvertExpressionAst or ScriptBlockExpressionAst) ?? false,
        InvokeMemberExpressionAst call => Touches(call.Expression) || !IsHarmless(call.Expression),
        CommandAst command => !(command.GetCommandName() is { } name
            && CommandResolution.Resolve(asker.InvokeCommand, name)
                is CmdletInfo { Verb: "Get" or "New" or "Import" or "ConvertFrom" or "ConvertTo" or "Test" or "Select" or "Read" } cmdlet
            && cmdlet.Noun is not ("Variable" or "Item" or "ItemProperty" or "Alias" or "Module" or "Object" or "Event")
            && CommandArguments.Of(cmdlet, command) is { IsSplatted: false } arguments
            && !arguments.Names.Any(static parameter => parameter.EndsWith("Variable", StringComparison.OrdinalIgnoreCase))),
        AttributedExpressionAst or TypeExpressionAst or MemberExpressionAst or VariableExpressionAst => false,
        _ => true,
    };

    private bool Touches(Ast target) => target.FindAll(
        ast => ast is VariableExpressionAst variable && _names.Contains(VariableUse.NameOf(variable).ToUpperInvariant()),
        searchNestedScriptBlocks: true).Any();

    private bool IsHarmless(ExpressionAst target) =>
        target is not VariableExpressionAst { VariablePath.UserPath: var path }
            || PlainValue.TryCopy(asker.SessionState.PSVariable.GetValue(path), out _);
}
