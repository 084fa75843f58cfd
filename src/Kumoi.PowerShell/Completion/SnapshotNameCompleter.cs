using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.PowerShell.Parameters;
using Kumoi.PowerShell.Session;

namespace Kumoi.PowerShell.Completion;

/// <summary>Names of the snapshots of the VMs that the command has already.</summary>
public sealed class SnapshotNameCompleter : IArgumentCompleter
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        if (!KumoiSession.HasFleet || fakeBoundParameters["VM"] is not { } given)
        {
            return [];
        }

        using var patience = new CancellationTokenSource(Patience);
        var reading = Task.Run(() => ReadAsync(given, patience.Token));
        try
        {
            return Completions.Of(reading.WaitAsync(patience.Token).GetAwaiter().GetResult(), wordToComplete);
        }
#pragma warning disable CA1031 // whatever is wrong is told when the command runs
        catch (Exception)
#pragma warning restore CA1031
        {
            return [];
        }
    }

    private static async Task<IReadOnlyList<(string Name, string ToolTip)>> ReadAsync(object given, CancellationToken cancellationToken)
    {
        var values = (given is IEnumerable many and not string ? many.Cast<object>() : [given])
            .Select(static value => value is PSObject wrapped ? wrapped.BaseObject : value).ToList();
        var vms = values.OfType<KumoiVM>().ToList();
        var names = Names.Typed(values.OfType<string>());
        if (names.Count > 0)
        {
            var fleet = KumoiSession.Fleet;
            await foreach (var outcome in fleet.ReadVMsAsync(fleet.Hosts, static _ => true, includeXml: false, cancellationToken))
            {
                vms.AddRange(outcome.Succeeded ? Names.Choose(outcome.Result, static vm => vm.Name, names) : []);
            }
        }

        List<(string, string)> found = [];
        foreach (var vm in vms.Take(16))
        {
            try
            {
                var snapshots = await VMSnapshots.ReadAsync(vm, cancellationToken);
                found.AddRange(snapshots.Select(
                    static snapshot => (snapshot.Name, $"of {snapshot.VM}, {snapshot.CreatedAt.LocalDateTime:g}")));
            }
            catch (HypervisorException)
            {
                // It has none to offer.
            }
        }

        return [.. found.DistinctBy(static snapshot => snapshot.Item1)];
    }
}
