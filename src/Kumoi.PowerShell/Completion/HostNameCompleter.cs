using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using Kumoi.PowerShell.Session;

namespace Kumoi.PowerShell.Completion;

/// <summary>Names of connected hosts, from memory: completion makes no call.</summary>
public sealed class HostNameCompleter : IArgumentCompleter
{
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        KumoiSession.HasFleet
            ? Completions.Of(KumoiSession.Fleet.Hosts.Select(host => (host.Name, host.Uri)), wordToComplete)
            : [];
}
