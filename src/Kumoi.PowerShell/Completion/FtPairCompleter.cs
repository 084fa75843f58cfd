using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using Kumoi.PowerShell.Session;

namespace Kumoi.PowerShell.Completion;

/// <summary>Names of the VMs that are protected.</summary>
public sealed class FtPairCompleter : IArgumentCompleter
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        using var patience = new CancellationTokenSource(Patience);
        var reading = Task.Run(() => KumoiSession.Pairs.ListAsync(patience.Token));
        try
        {
            var pairs = reading.WaitAsync(patience.Token).GetAwaiter().GetResult();
            return Completions.Of(pairs.Select(pair => (pair.VM, pair.ToString())), wordToComplete);
        }
#pragma warning disable CA1031 // whatever is wrong is told when the command runs
        catch (Exception)
#pragma warning restore CA1031
        {
            return [];
        }
    }
}
