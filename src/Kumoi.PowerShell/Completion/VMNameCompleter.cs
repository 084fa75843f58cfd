using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using Kumoi.Fleets;
using Kumoi.PowerShell.Session;

namespace Kumoi.PowerShell.Completion;

/// <summary>
/// Names of VMs. They are read in the background, at most every few seconds; the prompt waits for a short moment at most and then
/// shows what the last reading had.
/// </summary>
public sealed class VMNameCompleter : IArgumentCompleter
{
    private static readonly TimeSpan Freshness = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(150);
    private static readonly Lock Gate = new();
    private static IReadOnlyList<(string Name, string ToolTip)> _known = [];
    private static long _readAt;
    private static Task _reading = Task.CompletedTask;

    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        if (!KumoiSession.HasFleet)
        {
            return [];
        }

        Refresh().Wait(Patience);
        return Completions.Of(Volatile.Read(ref _known), wordToComplete);
    }

    private static Task Refresh()
    {
        lock (Gate)
        {
            if (_reading.IsCompleted && (_readAt == 0 || TimeProvider.System.GetElapsedTime(_readAt) > Freshness))
            {
                _readAt = TimeProvider.System.GetTimestamp();
                _reading = Task.Run(ReadAsync);
            }

            return _reading;
        }
    }

    private static async Task ReadAsync()
    {
        var names = new List<(string, string)>();
        var fleet = KumoiSession.Fleet;
        await foreach (var outcome in fleet.ReadVMsAsync(fleet.Hosts, static _ => true, includeXml: false, CancellationToken.None))
        {
            if (outcome.Succeeded)
            {
                names.AddRange(outcome.Result.Select(vm => (vm.Name, $"{vm.State} on {vm.VMHost}")));
            }
        }

        Volatile.Write(ref _known, [.. names.Distinct()]);
    }
}
