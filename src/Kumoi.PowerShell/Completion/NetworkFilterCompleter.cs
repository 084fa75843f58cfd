using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using Kumoi.Fleets;

namespace Kumoi.PowerShell.Completion;

/// <summary>Names of the network filters of the connected hosts.</summary>
public sealed class NetworkFilterCompleter : IArgumentCompleter
{
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        Completions.OfHosts(wordToComplete, HostNetworks.ReadFiltersAsync, static filter => (filter.Name, filter.Chain));
}
