using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using Kumoi.Hypervisors.Calls;
using Kumoi.PowerShell.Parameters;

namespace Kumoi.PowerShell.Completion;

/// <summary>Groups of calls first, then every call by its name.</summary>
public sealed class FaultOperationCompleter : IArgumentCompleter
{
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        Completions.Of(
            FaultOperationAttribute.Groups.Select(name => (name, "A group of calls"))
                .Concat(HostCalls.Names.Select(name => (name, "This call only"))),
            wordToComplete);
}
