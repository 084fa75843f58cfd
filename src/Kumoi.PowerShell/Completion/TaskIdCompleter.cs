using System.Collections;
using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Language;

namespace Kumoi.PowerShell.Completion;

/// <summary>The numbers of tasks.</summary>
public sealed class TaskIdCompleter : IArgumentCompleter
{
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        Completions.OfTasks(
            wordToComplete,
            static job => (job.Id.ToString(CultureInfo.InvariantCulture), $"{job.Cmdlet} {string.Join(", ", job.Targets)}"));
}
