using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using Kumoi.PowerShell.Parameters;

namespace Kumoi.PowerShell.Completion;

/// <summary>The one number of replicas that has a name.</summary>
public sealed class ReplicaCountCompleter : IArgumentCompleter
{
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        Completions.Of([(ReplicaCount.AutoName, "As many as are needed, by what the journal knows of the hosts")], wordToComplete);
}
