using System.Collections.Concurrent;
using Kumoi.FaultTolerance.Detection;
using Kumoi.FaultTolerance.Engines;
using Kumoi.FaultTolerance.Fencing;
using Kumoi.FaultTolerance.Gates;
using Kumoi.FaultTolerance.Protocols;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.FaultTolerance.Pairs;

/// <summary>The hosts of a pair: what they have of the VM, and which of them can serve.</summary>
internal sealed class PairHosts(Fleet fleet, PairPlan plan, TimeProvider time)
{
    private readonly HostFence _fence = new(plan.FenceCommand, plan.FencePatience, time);
    private readonly HostFence _cleaning = new([], plan.FencePatience, time); // nobody's power is switched off for that
    private readonly Dictionary<string, UnconnectedLink> _unconnected = new(StringComparer.Ordinal);
    private readonly HashSet<string> _unable = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, bool> _silent = new(StringComparer.Ordinal);

    public HostHearing Hearing { get; } = new(plan.Silence, time);

    /// <summary>What may run as the VM.</summary>
    private List<Guid> Domains => plan.Engine is CheckpointEngine.LibvirtSnapshot ? [plan.VM] : [.. PairDomains.All(plan.VM)];

    /// <summary>The way to a host. One that is not connected, as the hosts of an agent that has just started, may be so later.</summary>
    public IHypervisorLink Link(string host)
    {
        if (fleet.Find(host)?.Link is { } link)
        {
            _unconnected.Remove(host);
            return link;
        }

        return _unconnected.TryGetValue(host, out var known) ? known : _unconnected[host] = new UnconnectedLink(host);
    }

    /// <summary>
    /// What has become of the output that a controller held that is dead. What the network cards have sent is in QEMU still; what went to
    /// the console went nowhere, and a migration that nobody ends is in the way of others. Null: nothing is lost.
    /// </summary>
    public async Task<PairEvent?> FindLossAsync(string primary, Guid domain, CancellationToken cancellationToken)
    {
        var since = time.GetTimestamp();
        while (true)
        {
            using var limit = new CancellationTokenSource(plan.Silence, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
            var (_, reason) = await AskAsync(primary, domain, cancellationToken);
            try
            {
                if (reason is null)
                {
                    var definition = DomainDefinition.Parse(await Link(primary).SendAsync(new ReadXml(domain), either.Token));
                    return plan.Engine is not CheckpointEngine.LibvirtSnapshot || PairConsole.IsIn(definition, plan.Folder)
                        ? new PairEvent.OutputLost("the controller that held the output has died") : null;
                }
            }
            catch (HypervisorException e) when (e.Error is HypervisorError.VMNotFound)
            {
                return null; // whoever hears the host finds it
            }
            catch (HypervisorException e)
            {
                reason = e.Message;
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                reason = $"{primary} does not answer.";
            }

            if (time.GetElapsedTime(since) >= plan.Silence)
            {
                FoundSilent(primary);
                return new PairEvent.PrimaryLost(reason);
            }

            await Task.Delay(plan.Silence / 8, time, cancellationToken);
        }
    }

    /// <summary>What the host has of a domain; Unknown where it is not connected, or does not answer.</summary>
    public async Task<VMWhereabouts> PlaceAsync(string host, Guid domain, CancellationToken cancellationToken) =>
        (await AskAsync(host, domain, cancellationToken)).Place;

    /// <summary>
    /// Null: the host can go on from the checkpoint. Else that it does not have it any more, or that it does not answer.
    /// </summary>
    public async Task<PairEvent?> LackAsync(
        string host, ICheckpointEngine engine, CheckpointMark checkpoint, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(plan.Silence, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            return await engine.HasAsync(Link(host), checkpoint, either.Token)
                ? null
                : new PairEvent.CheckpointGone($"{host} does not have the checkpoint any more");
        }
        catch (HypervisorException e)
        {
            return new PairEvent.BackupLost(e.Message);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new PairEvent.BackupLost($"{host} does not answer");
        }
    }

    /// <summary>The first of the hosts that answers and does not have the VM; null: none.</summary>
    public async Task<string?> ChooseAsync(string? except, CancellationToken cancellationToken)
    {
        foreach (var host in plan.Hosts.Where(host => host != except && !_unable.Contains(host)))
        {
            if ((await PlaceAsync(host, plan.VM, cancellationToken)).IsNotRunning())
            {
                return host;
            }
        }

        return null;
    }

    /// <summary>The first backup.</summary>
    /// <exception cref="HypervisorException">None of the hosts can be it.</exception>
    public async Task<string> ChooseFirstAsync(string primary, CancellationToken cancellationToken) =>
        await ChooseAsync(primary, cancellationToken) ?? throw new HypervisorException(
            $"None of these hosts can be the backup of {primary}: {string.Join(", ", plan.Hosts.Where(host => host != primary))}.",
            FaultDomain.Host, error: HypervisorError.ResourceUnavailable,
            recommendedAction: "Give other hosts, which answer and do not run the VM: Get-KumoiHost shows those that do.");

    /// <summary>A VM that was protected before may have been a standby since; it runs on as that.</summary>
    public async Task<int?> FindStandbyAsync(PairRecord? before, string primary, CancellationToken cancellationToken) =>
        before?.Standby is { } number
            && await PlaceAsync(primary, PairDomains.Of(plan.VM, number), cancellationToken) is VMWhereabouts.Running ? number : null;

    /// <summary>Starts the VM, in the way that its engine needs.</summary>
    public async Task StartIfOffAsync(
        ICheckpointEngine engine, string host, Guid domain, ConsoleGate console, CancellationToken cancellationToken)
    {
        if (!await engine.StartAsync(Link(host), domain, console, cancellationToken)
            && await PlaceAsync(host, domain, cancellationToken) is VMWhereabouts.Off)
        {
            await Link(host).SendAsync(new StartVM(domain), cancellationToken);
        }
    }

    /// <summary>The host could not take over this time: another one is chosen.</summary>
    public void PassOver(string host) => _unable.Add(host);

    /// <summary>All hosts may be tried again.</summary>
    public void PassOverNone() => _unable.Clear();

    /// <summary>The host was silent for too long.</summary>
    public void FoundSilent(string host) => _silent[host] = true;

    /// <summary>
    /// Null: the host runs nothing that may be the VM. Else why that is not known. One that was not found silent yet has as long as any to
    /// answer: the power of a host is not switched off for one call that has failed.
    /// </summary>
    public async Task<string?> FenceAsync(string host, CancellationToken cancellationToken)
    {
        var since = time.GetTimestamp();
        while (!_silent.ContainsKey(host) && await PlaceAsync(host, plan.VM, cancellationToken) is VMWhereabouts.Unknown)
        {
            if (time.GetElapsedTime(since) >= plan.Silence)
            {
                FoundSilent(host);
            }
            else
            {
                await Task.Delay(plan.Silence / 8, time, cancellationToken);
            }
        }

        var known = fleet.Find(host);
        var reason = await _fence.FenceAsync(host, known?.Link, Domains, cancellationToken);
        if (reason is null)
        {
            _silent.TryRemove(host, out _);
        }

        if (reason is null && known is { IsSimulated: true, Linked.Driver.Latest: { } simulated })
        {
            // No command can switch off its power: what a real host would lose with it is ended here, past all faults.
            foreach (var domain in Domains)
            {
                try
                {
                    await simulated.SendAsync(new DestroyVM(domain), cancellationToken);
                }
                catch (HypervisorException)
                {
                    // It does not run.
                }
            }
        }

        return reason;
    }

    /// <summary>Removes standbys from a host, if it answers. Null: there are none left; else why that is not known.</summary>
    public async Task<string?> RemoveStandbysAsync(string host, CancellationToken cancellationToken) =>
        Domains is [_, _, ..] all
            ? await _cleaning.FenceAsync(host, fleet.Find(host)?.Link, all[1..], cancellationToken)
            : null;

    /// <summary>Unknown, with a reason: it did not answer.</summary>
    private async Task<(VMWhereabouts Place, string? Silence)> AskAsync(string host, Guid domain, CancellationToken cancellationToken) =>
        fleet.Find(host) is { } known
            ? await Hearing.AskAsync(known.Link, domain, cancellationToken)
            : (VMWhereabouts.Unknown, $"{host} is not connected.");
}
