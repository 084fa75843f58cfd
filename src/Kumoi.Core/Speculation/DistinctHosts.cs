using Kumoi.Hypervisors;

namespace Kumoi.Speculation;

/// <summary>Finds hosts that are connected under several names: a replica on each would be one and the same.</summary>
internal static class DistinctHosts
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>
    /// These hosts, each once, under the first of its names; the VM's own, <paramref name="own"/>, as that connection. One whose id cannot
    /// be read is held to be one of its own: it will fail by itself, and what carries another host's number is never removed.
    /// </summary>
    public static async Task<List<KumoiConnection>> OfAsync(
        IEnumerable<KumoiConnection> hosts, KumoiConnection? own, TimeProvider time, CancellationToken cancellationToken)
    {
        var candidates = hosts.Distinct().ToList();
        using var patience = new CancellationTokenSource(Patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, patience.Token);
        var ids = await Task.WhenAll(candidates.Append(own).Select(host => FindIdAsync(host, either.Token)));
        cancellationToken.ThrowIfCancellationRequested();
        var byId = new Dictionary<string, KumoiConnection>(StringComparer.OrdinalIgnoreCase);
        if (ids[^1] is { } ownId)
        {
            byId[ownId] = own!;
        }

        for (var i = 0; i < candidates.Count; i++)
        {
            if (ids[i] is { } id && !byId.TryAdd(id, candidates[i]))
            {
                candidates[i] = byId[id];
            }
        }

        return [.. candidates.Distinct()];
    }

    private static async Task<string?> FindIdAsync(KumoiConnection? host, CancellationToken cancellationToken)
    {
        try
        {
            return host is null ? null : await host.ReadIdAsync(cancellationToken);
        }
        catch (Exception e) when (e is HypervisorException or OperationCanceledException)
        {
            return null;
        }
    }
}
