using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using Kumoi.GuestSystems;

namespace Kumoi.PowerShell.Completion;

/// <summary>Operating systems of libosinfo's database, if this computer has it.</summary>
public sealed class GuestSystemCompleter : IArgumentCompleter
{
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        Completions.Of(
            (OSInfoDatabase.Open()?.Systems ?? []).OrderBy(static one => one.ShortId, StringComparer.Ordinal), wordToComplete);
}
