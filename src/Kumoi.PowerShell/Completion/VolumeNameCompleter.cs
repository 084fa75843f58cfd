using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using Kumoi.Fleets;

namespace Kumoi.PowerShell.Completion;

/// <summary>Names of the volumes in the active storage pools of the connected hosts.</summary>
public sealed class VolumeNameCompleter : IArgumentCompleter
{
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        var inPool = fakeBoundParameters["StoragePool"] as string; // of several, or of a pattern: of all
        return Completions.OfHosts(
            wordToComplete, (host, token) => ReadAsync(host, inPool, token),
            static volume => (volume.Name, $"{volume.Format} in {volume.StoragePool} on {volume.VMHost}"));
    }

    private static async Task<IReadOnlyList<KumoiVolume>> ReadAsync(
        KumoiConnection host, string? inPool, CancellationToken cancellationToken)
    {
        List<KumoiVolume> found = [];
        var pools = (await HostStorage.ReadPoolsAsync(host, cancellationToken)).Where(static pool => pool.IsActive).ToList();
        foreach (var pool in pools.Exists(pool => pool.Name == inPool) ? pools.Where(pool => pool.Name == inPool) : pools)
        {
            found.AddRange(await HostStorage.ReadVolumesAsync(pool, cancellationToken));
        }

        return found;
    }
}
