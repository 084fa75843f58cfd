using System.Management.Automation;
using System.Management.Automation.Language;
using Kumoi.PowerShell.Parameters;

namespace Kumoi.PowerShell.Completion;

internal static class Completions
{
    /// <summary>Those that begin with the word, quoted where PowerShell needs it.</summary>
    public static IEnumerable<CompletionResult> Of(IEnumerable<(string Name, string ToolTip)> candidates, string word)
    {
        var begun = Begun(word);
        var pattern = NamePattern.Parse(begun + "*", out _);
        foreach (var (name, toolTip) in candidates)
        {
            if (name.StartsWith(begun, StringComparison.OrdinalIgnoreCase) || pattern?.IsMatch(name) == true)
            {
                yield return new CompletionResult(
                    Quote(name), Visible.Text(name), CompletionResultType.ParameterValue, Visible.Text(toolTip));
            }
        }
    }

    /// <summary>What was typed of the name, without the quotes that PowerShell needs around it.</summary>
    private static string Begun(string word) => word.Length == 0 || word[0] is not ('\'' or '"')
        ? word
        : word[1..].TrimEnd(word[0]).Replace(new string(word[0], 2), word[..1], StringComparison.Ordinal);

    /// <summary>
    /// The exact name goes before all others, whatever characters it has. What looks like a number would lose its form in a list.
    /// </summary>
    private static string Quote(string name) =>
        name.Length > 0 && char.IsLetter(name[0]) && name.All(c => char.IsLetterOrDigit(c) || c is '-' or '_' or '.')
            ? name
            : "'" + CodeGeneration.EscapeSingleQuotedStringContent(name) + "'";
}
