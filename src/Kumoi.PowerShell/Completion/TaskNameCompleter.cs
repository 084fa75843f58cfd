using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using Kumoi.PowerShell.Jobs;

namespace Kumoi.PowerShell.Completion;

/// <summary>The names of cmdlets of which there are tasks.</summary>
public sealed class TaskNameCompleter : IArgumentCompleter
{
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        Completions.Of(
            KumoiJob.All.Select(static job => (job.Cmdlet, string.Join(", ", job.Targets))).DistinctBy(static one => one.Cmdlet), wordToComplete);
}
