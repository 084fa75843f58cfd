using System.Collections.Concurrent;
using Kumoi.Agents;
using Kumoi.FaultTolerance.Pairs;
using Kumoi.Hypervisors;
using Kumoi.Journal;
using Microsoft.Extensions.Logging;

namespace Kumoi.Agent.Work;

/// <summary>The pairs that the agent keeps, and their hosts. Safe for concurrent use.</summary>
internal sealed class AgentPairs(AgentHosts hosts, AgentSettings settings, ILogger<AgentPairs> log) : IWork
{
    /// <summary>A host that could not be connected is tried again after this time.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(5);

    private readonly CancellationTokenSource _end = new();
    private readonly ConcurrentDictionary<Guid, PairState> _found = new();
    private readonly ConcurrentDictionary<Guid, Task> _kept = new();

    public PairService Service { get; } = new(hosts.Fleet, "Agent", settings.Time);

    /// <summary>Those that are not over.</summary>
    public IReadOnlyList<KumoiFtPair> Open => [.. Service.Pairs.Where(static pair => pair.IsOpen)];

    /// <summary>Whether there is a VM to keep protected, or to protect again.</summary>
    public bool HasWork => !_found.IsEmpty || Open.Count > 0;

    /// <summary>The pairs that the journal has, and that nobody keeps.</summary>
    public async Task<IReadOnlyList<Guid>> FindAsync()
    {
        foreach (var state in await Service.ReadOpenAsync(_end.Token))
        {
            if ((state.Owner?.IsAlive is false || state.Owner == OperationOwner.Current) && !state.Order.IsSimulated)
            {
                _found[state.Order.VM] = state;
            }
        }

        return [.. _found.Keys];
    }

    public async Task<KumoiFtPair> StartAsync(PairOrder order, bool force, CancellationToken cancellationToken)
    {
        var wanted = HostsOf(order);
        hosts.Want(wanted);
        try
        {
            using var either = CancellationTokenSource.CreateLinkedTokenSource(_end.Token, cancellationToken);
            var obstacle = await hosts.ConnectAsync(wanted, either.Token);
            if (hosts.Fleet.Find(order.Primary) is null)
            {
                throw new HypervisorException(
                    $"The agent cannot connect to {order.Primary}: {obstacle}", FaultDomain.Host, error: HypervisorError.ConnectionFailed,
                    recommendedAction: "The agent connects as the same user, without a prompt: see that the URI works so, with virsh -c.");
            }

            var pair = await Service.StartAsync(order, force, either.Token);
            Keep(order);
            return pair;
        }
        catch
        {
            await hosts.ReleaseAsync(wanted);
            throw;
        }
    }

    /// <summary>Goes on with what <see cref="FindAsync"/> has found.</summary>
    public async Task ResumeAsync(Guid vm)
    {
        if (!_found.TryGetValue(vm, out var state))
        {
            return;
        }

        var wanted = HostsOf(state.Order);
        hosts.Want(wanted);
        var why = "it is not known";
        try
        {
            // Whether a host is dead is for the pair to find out, by its own rules; not that it is not connected yet.
            await hosts.ConnectAsync(wanted, _end.Token);
            why = await Service.ResumeAsync(state, _end.Token);
        }
        catch (OperationCanceledException) when (_end.IsCancellationRequested)
        {
            return;
        }
        finally
        {
            _found.TryRemove(vm, out _);
        }

        if (why is null)
        {
            Keep(state.Order);
            return;
        }

        await hosts.ReleaseAsync(wanted);
#pragma warning disable CA1848, CA1873 // once in a pair's life
        log.LogWarning("The pair of {VM} is not gone on with: {Reason}", state.Order.VMName, why);
#pragma warning restore CA1848, CA1873
    }

    /// <summary>Lets go of all of them, as they are: the next agent goes on with them.</summary>
    public async Task EndAsync()
    {
        await _end.CancelAsync();
        await Service.DisposeAsync();
        await Task.WhenAll(_kept.Values);
    }

    private static List<HostOrder> HostsOf(PairOrder order) => [.. order.Hosts.Select(host => new HostOrder(host.Uri, host.Name, [], null, null))];

    private void Keep(PairOrder order) => _kept[order.Id] = Task.Run(() => KeepConnectedAsync(order));

    /// <summary>A host that had no power when the agent began may serve later.</summary>
    private async Task KeepConnectedAsync(PairOrder order)
    {
        var wanted = HostsOf(order);
        var ended = Service.EndOf(order.VM);
        try
        {
            while (!ended.IsCompleted)
            {
                await hosts.ConnectAsync(wanted, _end.Token);
                await Task.WhenAny(ended, Task.Delay(Pause, settings.Time, _end.Token));
            }
        }
        catch (OperationCanceledException) when (_end.IsCancellationRequested)
        {
            // The agent ends.
        }

        await hosts.ReleaseAsync(wanted);
        _kept.TryRemove(order.Id, out _);
    }
}
