using Kumoi.Hypervisors.Simulated.Hosts;

namespace Kumoi.Hypervisors.Simulated;

/// <summary>
/// Opens links to simulated fleets: <c>sim://lab?hosts=20&amp;vms=2&amp;seed=7</c> is the fleet <c>lab</c> of <c>kvm01</c>…<c>kvm20</c>.
/// A fleet lives from its first link to its last: connecting again after everything was disconnected gives a fresh one.
/// </summary>
public sealed class SimulatedDriver(TimeProvider time) : IHypervisorDriver
{
    private readonly Dictionary<string, SimulatedFleet> _fleets = new(StringComparer.Ordinal);

    public string Name => "simulated";

    public bool IsSimulated => true;

    public bool Handles(string uri) => uri.StartsWith(SimulatedFleetUri.Scheme, StringComparison.OrdinalIgnoreCase);

    public IReadOnlyList<HostAddress> Resolve(string uri)
    {
        var parsed = SimulatedFleetUri.Parse(uri);
        return parsed.Host is { } host
            ? [new HostAddress(parsed.ForHost(host), host)]
            : [.. parsed.HostNames().Select(name => new HostAddress(parsed.ForHost(name), name))];
    }

    /// <summary>The host behind a URI to which a link is open.</summary>
    internal SimulatedHost Find(string uri)
    {
        var parsed = SimulatedFleetUri.Parse(uri);
        lock (_fleets)
        {
            return _fleets[parsed.FleetKey].Host(parsed.Host!);
        }
    }

    public Task<IHypervisorLink> OpenAsync(HostAddress address, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var parsed = SimulatedFleetUri.Parse(address.Uri);
        lock (_fleets)
        {
            if (!_fleets.TryGetValue(parsed.FleetKey, out var fleet))
            {
                _fleets[parsed.FleetKey] = fleet = new SimulatedFleet(parsed, time);
            }

            fleet.OpenLinks++;
            return Task.FromResult<IHypervisorLink>(
                new SimulatedLink(fleet, fleet.Host(parsed.Host!), address.Uri, SimulatedCalls.Table, Close));

            void Close()
            {
                lock (_fleets)
                {
                    if (--fleet.OpenLinks == 0)
                    {
                        _fleets.Remove(parsed.FleetKey);
                    }
                }
            }
        }
    }

    /// <summary>What a guest does by itself, such as to power off or to crash, or to be saved by its host. For tests.</summary>
    internal void Happen(string uri, int host, Guid vm, PowerState state, bool isSaved = false)
    {
        var parsed = SimulatedFleetUri.Parse(uri);
        lock (_fleets)
        {
            var fleet = _fleets[parsed.FleetKey];
            lock (fleet.Gate)
            {
                var found = fleet.Host(parsed.HostName(host)).Find(vm)!;
                found.ChangeState(state, time.GetUtcNow());
                found.HasSavedState = isSaved;
            }
        }
    }

    /// <summary>Which run of its guest the host's copy is from, and how often the guest went back. For tests.</summary>
    internal (long? Run, int RolledBack) ReadRun(string uri, int host, Guid vm)
    {
        var parsed = SimulatedFleetUri.Parse(uri);
        lock (_fleets)
        {
            var fleet = _fleets[parsed.FleetKey];
            lock (fleet.Gate)
            {
                return (fleet.Host(parsed.HostName(host)).Find(vm)?.Run, fleet.RolledBack);
            }
        }
    }

    /// <summary>
    /// Whether the guest is what it was: it was not started before its whole state had come, and nothing that it did is undone. For tests.
    /// </summary>
    internal bool IsWhole(string uri, int host, Guid vm)
    {
        var parsed = SimulatedFleetUri.Parse(uri);
        lock (_fleets)
        {
            var fleet = _fleets[parsed.FleetKey];
            lock (fleet.Gate)
            {
                return fleet is { RolledBack: 0 } && fleet.Host(parsed.HostName(host + 1)).Find(vm) is { IsTorn: false };
            }
        }
    }
}
