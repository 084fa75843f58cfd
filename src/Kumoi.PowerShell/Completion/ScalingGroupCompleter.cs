using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using Kumoi.PowerShell.Session;

namespace Kumoi.PowerShell.Completion;

/// <summary>Names of the groups that this session scales.</summary>
public sealed class ScalingGroupCompleter : IArgumentCompleter
{
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        Completions.Of(KumoiSession.Scalings.Select(run => (run.Status.Group, run.Status.ToString())), wordToComplete);
}
