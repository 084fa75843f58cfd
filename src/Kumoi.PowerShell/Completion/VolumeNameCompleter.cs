using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using Kumoi.Fleets;
using Kumoi.PowerShell.Session;

namespace Kumoi.PowerShell.Completion;

/// <summary>Names of the volumes in the active storage pools of the connected hosts.</summary>
public sealed class VolumeNameCompleter : IArgumentCompleter
{
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        var inPool = fakeBoundParameters["StoragePool"] as string; // of several, or of a pattern: of all
        return Completions.OfFleet(wordToComplete, token => ReadAsync(inPool, token));
    }

    private static async Task<IReadOnlyList<(string Name, string ToolTip)>> ReadAsync(string? inPool, CancellationToken cancellationToken)
    {
        var fleet = KumoiSession.Fleet;
        List<(string Name, string ToolTip)> found = [];
        await foreach (var outcome in FanOut.RunAsync(
            fleet.Hosts, fleet.Limits.MaxCalls, (host, token) => ReadAsync(host, inPool, token), cancellationToken))
        {
            found.AddRange(outcome.Succeeded ? outcome.Result : []);
        }

        return [.. found.DistinctBy(static volume => volume.Name)];
    }

    private static async Task<IReadOnlyList<(string Name, string ToolTip)>> ReadAsync(
        KumoiConnection host, string? inPool, CancellationToken cancellationToken)
    {
        List<(string Name, string ToolTip)> found = [];
        var pools = (await HostStorage.ReadPoolsAsync(host, cancellationToken)).Where(static pool => pool.IsActive).ToList();
        foreach (var pool in pools.Exists(pool => pool.Name == inPool) ? pools.Where(pool => pool.Name == inPool) : pools)
        {
            found.AddRange((await HostStorage.ReadVolumesAsync(pool, cancellationToken)).Select(ToolTipOf));
        }

        return found;
    }

    private static (string Name, string ToolTip) ToolTipOf(KumoiVolume volume) =>
        (volume.Name, $"{volume.Format} in {volume.StoragePool} on {volume.VMHost}");
}
