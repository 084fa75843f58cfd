using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using Kumoi.Fleets;
using Kumoi.PowerShell.Session;

namespace Kumoi.PowerShell.Completion;

/// <summary>Names of the virtual networks of the connected hosts.</summary>
public sealed class NetworkNameCompleter : IArgumentCompleter
{
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        Completions.OfFleet(wordToComplete, ReadAsync);

    private static async Task<IReadOnlyList<(string Name, string ToolTip)>> ReadAsync(CancellationToken cancellationToken)
    {
        var fleet = KumoiSession.Fleet;
        List<(string Name, string ToolTip)> found = [];
        await foreach (var outcome in FanOut.RunAsync(
            fleet.Hosts, fleet.Limits.MaxCalls, HostNetworks.ReadAsync, cancellationToken))
        {
            found.AddRange(outcome.Succeeded ? outcome.Result.Select(ToolTipOf) : []);
        }

        return [.. found.DistinctBy(static network => network.Name)];
    }

    private static (string Name, string ToolTip) ToolTipOf(KumoiNetwork network) =>
        (network.Name, $"{network.Kind} {string.Join(", ", network.Addresses)}");
}
