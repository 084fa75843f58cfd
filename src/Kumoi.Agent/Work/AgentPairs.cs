using System.Collections.Concurrent;
using Kumoi.Agents;
using Kumoi.FaultTolerance.Pairs;
using Kumoi.Hypervisors;
using Microsoft.Extensions.Logging;

namespace Kumoi.Agent.Work;

/// <summary>The pairs that the agent keeps. Safe for concurrent use.</summary>
internal sealed class AgentPairs(AgentHosts hosts, RunningWork running, AgentSettings settings, ILogger<AgentPairs> log) : IAsyncDisposable
{
    /// <summary>A host that does not answer takes the time of a connection.</summary>
    private static readonly TimeSpan ResumePatience = TimeSpan.FromSeconds(90);

    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(50);
    private readonly PairService _service = new(hosts.Fleet, "Agent", settings.Time);
    private readonly ConcurrentDictionary<Guid, PairWork> _works = new(); // by VM

    /// <summary>The names of the VMs whose pairs are not over.</summary>
    public IReadOnlyList<string> Names =>
        [.. _works.Values.Where(static work => !work.IsOver).Select(static work => work.Name).Order(NaturalOrder.Instance)];

    /// <summary>All that it keeps, and those that were lost.</summary>
    public IReadOnlyList<KumoiFtPair> All => _service.Pairs;

    /// <summary>Protects a VM. When this fails or is cancelled, nothing is left.</summary>
    /// <exception cref="HypervisorException">It cannot be protected.</exception>
    /// <exception cref="Journal.JournalException">It could not be written down.</exception>
    public async Task<KumoiFtPair> StartAsync(PairStart start, CancellationToken cancellationToken)
    {
        if (start.Order.IsSimulated && !settings.Drivers.Any(driver => driver.IsSimulated))
        {
            throw new AgentException("Simulated hosts live in their session: the agent cannot reach them.", AgentError.Refused, "");
        }

        var all = PairWork.HostsOf(start.Order);
        await hosts.WantAsync(all);
        try
        {
            var obstacle = await hosts.ConnectAsync(all, cancellationToken);
            if (hosts.Find(all.First(host => host.Name == start.Order.Primary)) is null)
            {
                throw new HypervisorException(
                    $"The agent cannot connect to the VM's host. {obstacle}", FaultDomain.Host, error: HypervisorError.ConnectionFailed,
                    recommendedAction: "The agent connects by itself, as its user and without a terminal: see that it needs no password.");
            }

            var pair = await _service.StartAsync(start.Order, start.Force, cancellationToken);
            await Keep(start.Order).Begun;
            return pair;
        }
        finally
        {
            await hosts.ReleaseAsync(all);
        }
    }

    /// <summary>The VMs whose pairs the journal has, and nobody else is to keep. Simulated hosts are gone with their session.</summary>
    /// <exception cref="Journal.JournalException">The journal cannot be read.</exception>
    public async Task<IReadOnlyList<PairState>> ReadLeftAsync(CancellationToken cancellationToken) =>
    [
        .. (await _service.ReadOpenAsync(cancellationToken))
            .Where(state => !state.Order.IsSimulated || settings.Drivers.Any(driver => driver.IsSimulated)),
    ];

    /// <summary>Goes on with a VM's pair, as soon as that can be.</summary>
    /// <exception cref="Journal.JournalException">The journal cannot be read.</exception>
    public async Task ResumeAsync(Guid vm, CancellationToken cancellationToken)
    {
        if ((await ReadLeftAsync(cancellationToken)).FirstOrDefault(state => state.Order.VM == vm) is { } state
            && _works.GetValueOrDefault(vm) is null or { IsOver: true })
        {
            Keep(state.Order);
        }
    }

    /// <inheritdoc cref="PairService.StopAsync"/>
    public async Task<KumoiFtPair?> StopAsync(Guid vm)
    {
        await UntilKeptAsync(vm, CancellationToken.None);
        return await _service.StopAsync(vm);
    }

    /// <inheritdoc cref="PairService.SwitchAsync"/>
    public async Task<KumoiFtPair?> SwitchAsync(Guid vm, CancellationToken cancellationToken)
    {
        await UntilKeptAsync(vm, cancellationToken);
        return await _service.SwitchAsync(vm, cancellationToken);
    }

    /// <inheritdoc cref="PairService.DrillAsync"/>
    public async Task<KumoiFtDrill?> DrillAsync(Guid vm, CancellationToken cancellationToken)
    {
        await UntilKeptAsync(vm, cancellationToken);
        return await _service.DrillAsync(vm, cancellationToken);
    }

    /// <summary>Lets go of all as they are. What sees to them has ended before.</summary>
    public ValueTask DisposeAsync() => _service.DisposeAsync();

    /// <summary>An agent that has just started may still be connecting to the hosts of a pair that it goes on with.</summary>
    private async Task UntilKeptAsync(Guid vm, CancellationToken cancellationToken)
    {
        var since = TimeProvider.System.GetTimestamp();
        while (!_service.Keeps(vm) && _works.TryGetValue(vm, out var work) && !work.IsOver
            && TimeProvider.System.GetElapsedTime(since) < ResumePatience)
        {
            await Task.Delay(BetweenLooks, cancellationToken);
        }
    }

    private PairWork Keep(PairOrder order) =>
        _works[order.VM] = running.Begin(() => new PairWork(order, _service, hosts, settings.Time, log));
}
