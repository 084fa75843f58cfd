using Kumoi.Agents;
using Kumoi.FaultTolerance.Pairs;
using Kumoi.FaultTolerance.Protocols;

namespace Kumoi.PowerShell.Session;

/// <summary>
/// The pairs that a session sees, wherever they are kept: those of simulated hosts, which live in the session, by the session itself, all
/// others by the agent.
/// </summary>
internal sealed class SessionPairs(PairService own, PersistentPairs persistent)
{
    /// <summary>All pairs that the session, the agent or the journal know, in natural order of the VMs' names. No host is asked.</summary>
    public async Task<IReadOnlyList<KumoiFtPair>> ListAsync(CancellationToken cancellationToken)
    {
        List<KumoiFtPair> pairs = [.. own.Pairs, .. await persistent.ListAsync(cancellationToken) ?? []];
        var known = pairs.Select(pair => pair.Id).ToHashSet();
        var left = (await own.ReadOpenAsync(cancellationToken)).Where(state => !known.Contains(state.Order.Id) && !IsOver(state));
        return [.. pairs.Concat(left.Select(Describe)).OrderBy(pair => pair.VM, NaturalOrder.Instance)];
    }

    /// <summary>Also those that nobody here knows, and whose marks the session's hosts have.</summary>
    public async Task<IReadOnlyList<KumoiFtPair>> ListWithStrangersAsync(CancellationToken cancellationToken) =>
    [
        .. (await ListAsync(cancellationToken)).Concat(await own.FindStrangersAsync(cancellationToken))
            .OrderBy(pair => pair.VM, NaturalOrder.Instance),
    ];

    public Task<KumoiFtPair> StartAsync(PairOrder order, bool force, CancellationToken cancellationToken) => order.IsSimulated
        ? own.StartAsync(order, force, cancellationToken)
        : persistent.StartAsync(new PairStart(order, force), cancellationToken);

    public async Task<KumoiFtPair> StopAsync(KumoiFtPair pair, CancellationToken cancellationToken) =>
        await own.StopAsync(pair.VMId) ?? await persistent.StopAsync(pair.VMId, cancellationToken);

    public async Task<KumoiFtPair> SwitchAsync(KumoiFtPair pair, CancellationToken cancellationToken) =>
        await own.SwitchAsync(pair.VMId, cancellationToken) ?? await persistent.SwitchAsync(pair.VMId, cancellationToken);

    public async Task<KumoiFtDrill> DrillAsync(KumoiFtPair pair, CancellationToken cancellationToken) =>
        await own.DrillAsync(pair.VMId, cancellationToken) ?? await persistent.DrillAsync(pair.VMId, cancellationToken);

    /// <summary>Simulated hosts are gone with their session.</summary>
    private static bool IsOver(PairState state) => state.Order.IsSimulated && state.Owner?.IsAlive is not true;

    private static KumoiFtPair Describe(PairState state) => new()
    {
        VM = state.Order.VMName,
        VMId = state.Order.VM,
        Id = state.Order.Id,
        State = state.Last.Phase,
        Primary = state.Last.Primary,
        Backup = state.Last.Backup,
        VMHosts = [.. state.Order.Hosts.Select(host => host.Name)],
        Engine = state.Order.Engine.ToString(),
        EngineReason = state.Order.EngineReason,
        KeptBy = state.Owner?.IsAlive is not false ? state.Owner?.ToString() ?? "" : "Nobody",
        StartedAt = state.BegunAt,
        CheckpointCount = state.Last.LastNumber,
        Reason = state.Owner?.IsAlive is false && state.Last.Phase is not (PairPhase.Stopped or PairPhase.Lost)
            ? "nobody keeps it: Start-KumoiAgent goes on with it" : state.Last.Reason,
    };
}
