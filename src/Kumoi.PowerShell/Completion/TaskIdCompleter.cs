using System.Collections;
using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Language;
using Kumoi.PowerShell.Jobs;

namespace Kumoi.PowerShell.Completion;

/// <summary>The numbers of tasks.</summary>
public sealed class TaskIdCompleter : IArgumentCompleter
{
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        KumoiJob.All.Select(static job => (Id: job.Id.ToString(CultureInfo.InvariantCulture), Job: job))
            .Where(task => task.Id.StartsWith(wordToComplete, StringComparison.Ordinal))
            .Select(static task => new CompletionResult(
                task.Id, task.Id, CompletionResultType.ParameterValue,
                Visible.Text($"{task.Job.Cmdlet} {string.Join(", ", task.Job.Targets)}")));
}
