using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using Kumoi.Agents;
using Kumoi.Journal;
using Kumoi.PowerShell.Session;

namespace Kumoi.PowerShell.Completion;

/// <summary>Names of the groups that this session or the agent scales.</summary>
public sealed class ScalingGroupCompleter : IArgumentCompleter
{
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        Completions.Of(
            Persistent().Concat(KumoiSession.Scalings.Select(run => run.Status)).DistinctBy(status => status.Group)
                .Select(status => (status.Group, status.ToString())),
            wordToComplete);

    /// <summary>The agent is on this machine; one that does not answer at once is not waited for.</summary>
    private static IReadOnlyList<KumoiScaling> Persistent()
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMilliseconds(500));
        try
        {
            return KumoiSession.PersistentScalings.ListAsync(patience.Token).GetAwaiter().GetResult();
        }
        catch (Exception e) when (e is AgentException or JournalException or OperationCanceledException)
        {
            return [];
        }
    }
}
