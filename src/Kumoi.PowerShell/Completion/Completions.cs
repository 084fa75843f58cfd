using System.Management.Automation;
using System.Management.Automation.Language;

namespace Kumoi.PowerShell.Completion;

internal static class Completions
{
    /// <summary>Those that begin with the word, quoted where PowerShell needs it.</summary>
    public static IEnumerable<CompletionResult> Of(IEnumerable<(string Name, string ToolTip)> candidates, string word)
    {
        var pattern = WildcardPattern.Get(word.Trim('\'', '"') + "*", WildcardOptions.IgnoreCase);
        foreach (var (name, toolTip) in candidates)
        {
            if (pattern.IsMatch(name))
            {
                yield return new CompletionResult(Quote(name), name, CompletionResultType.ParameterValue, toolTip);
            }
        }
    }

    private static string Quote(string name) =>
        name.All(c => char.IsLetterOrDigit(c) || c is '-' or '_' or '.') ? name : "'" + CodeGeneration.EscapeSingleQuotedStringContent(name) + "'";
}
