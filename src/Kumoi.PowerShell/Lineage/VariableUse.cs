using System.Management.Automation.Language;

namespace Kumoi.PowerShell.Lineage;

/// <summary>Which variables a piece of script reads and writes, by their names without a scope.</summary>
internal static class VariableUse
{
    /// <summary>What a script block that is run again cannot see as it was.</summary>
    private static readonly HashSet<string> OwnToEachRun = new(StringComparer.OrdinalIgnoreCase) { "input", "MyInvocation" };

    private static readonly HashSet<string> FillingMethods = new(StringComparer.OrdinalIgnoreCase)
    {
        "Add", "AddRange", "Append", "AppendLine", "Enqueue", "Push", "Clear", "TryAdd",
    };

    public static IEnumerable<string> Read(Ast root) =>
        root.FindAll(static ast => ast is VariableExpressionAst, searchNestedScriptBlocks: true).Cast<VariableExpressionAst>()
            .Select(NameOf);

    public static IEnumerable<string> Written(Ast root)
    {
        foreach (var ast in root.FindAll(
            static ast => ast is AssignmentStatementAst or UnaryExpressionAst or ForEachStatementAst or ConvertExpressionAst, true))
        {
            var target = ast switch
            {
                AssignmentStatementAst assignment => assignment.Left,
                UnaryExpressionAst
                {
                    TokenKind: TokenKind.PlusPlus or TokenKind.MinusMinus or TokenKind.PostfixPlusPlus
                    or TokenKind.PostfixMinusMinus
                } unary => unary.Child,
                ForEachStatementAst loop => loop.Variable,
                ConvertExpressionAst { Type.TypeName.FullName: var type } cast when type.Equals(
                    "ref", StringComparison.OrdinalIgnoreCase) => cast.Child,
                _ => null,
            };
            foreach (var variable in target?.FindAll(static found => found is VariableExpressionAst, searchNestedScriptBlocks: false) ?? [])
            {
                yield return NameOf((VariableExpressionAst)variable);
            }
        }
    }

    /// <summary>A variable that has another meaning in each run; null if there is none.</summary>
    public static string? OwnToRun(Ast root) => Read(root).FirstOrDefault(OwnToEachRun.Contains);

    /// <summary>The variables that a piece of script gives a value of its own: by plain assignment, by counting, in a loop.</summary>
    public static IEnumerable<string> Assigned(Ast root) =>
        root.FindAll(
            static ast => ast is AssignmentStatementAst or UnaryExpressionAst or ForEachStatementAst, searchNestedScriptBlocks: true)
            .Select(static ast => ast switch
            {
                AssignmentStatementAst { Left: ConvertExpressionAst cast } => cast.Child,
                AssignmentStatementAst assignment => assignment.Left,
                UnaryExpressionAst
                {
                    TokenKind: TokenKind.PlusPlus or TokenKind.MinusMinus or TokenKind.PostfixPlusPlus
                    or TokenKind.PostfixMinusMinus
                } unary => unary.Child,
                ForEachStatementAst loop => loop.Variable,
                _ => null,
            }).OfType<VariableExpressionAst>().Select(NameOf);

    /// <summary>
    /// Variables that a piece of script only fills ($log.Add(…), $done[…] = …): what is in them is its product, and nothing goes by it.
    /// </summary>
    public static IEnumerable<string> Filled(Ast root) =>
        root.FindAll(static ast => ast is VariableExpressionAst, searchNestedScriptBlocks: true).Cast<VariableExpressionAst>()
            .GroupBy(NameOf, StringComparer.OrdinalIgnoreCase)
            .Where(static uses => uses.All(static use => use.Parent switch
            {
                InvokeMemberExpressionAst { Member: StringConstantExpressionAst { Value: var method } } call =>
                    ReferenceEquals(call.Expression, use) && call.Parent is CommandExpressionAst && FillingMethods.Contains(method),
                IndexExpressionAst { Parent: AssignmentStatementAst assignment } index =>
                    ReferenceEquals(assignment.Left, index) && ReferenceEquals(index.Target, use),
                _ => false,
            }))
            .Select(static uses => uses.Key);

    public static string NameOf(VariableExpressionAst variable)
    {
        var path = variable.VariablePath.UserPath;
        return path[(path.LastIndexOf(':') + 1)..];
    }
}
