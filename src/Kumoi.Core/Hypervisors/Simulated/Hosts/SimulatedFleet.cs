using System.Globalization;

namespace Kumoi.Hypervisors.Simulated.Hosts;

/// <summary>
/// The state of one simulated fleet. One lock for all of it: every critical section is short, and a migration spans two hosts.
/// </summary>
internal sealed class SimulatedFleet
{
    private readonly SimulatedFleetUri _uri;
    private readonly SimulatedHost[] _hosts;

    /// <summary>The number of the last run of each guest, of all its copies.</summary>
    private readonly Dictionary<Guid, long> _runs = [];

    private int _ports;

    public SimulatedFleet(SimulatedFleetUri uri, TimeProvider time)
    {
        _uri = uri;
        Time = time;
        var now = time.GetUtcNow();
        _hosts = [.. Enumerable.Range(1, uri.Hosts).Select(number => new SimulatedHost(uri, number, now))];
    }

    public Lock Gate { get; } = new();

    public TimeProvider Time { get; }

    public TimeSpan Delay => _uri.Delay;

    /// <summary>How often a guest went back: it was let run from a memory that is older than what it has done since, elsewhere.</summary>
    public int RolledBack { get; private set; }

    /// <summary>The checkpoints that were made, by path: all hosts read them.</summary>
    public Dictionary<string, SimulatedVM> Checkpoints { get; } = new(StringComparer.Ordinal);

    /// <summary>A port that nobody listens at. Within the gate.</summary>
    public int NextPort(int first) => first + _ports++;

    /// <summary>The standby that takes a VM's state at that port; null: there is none. Within the gate.</summary>
    public (SimulatedHost Host, SimulatedQemu Qemu)? FindListening(string port) => _hosts
        .SelectMany(host => host.VMs.Values.Select(vm => ((SimulatedHost, SimulatedQemu)?)(host, vm.Qemu)))
        .FirstOrDefault(found => found!.Value.Item2.Port?.ToString(CultureInfo.InvariantCulture) == port);

    /// <summary>Guarded by the driver.</summary>
    public int OpenLinks { get; set; }

    /// <summary>The VM that a source offers in a migration; null: none does.</summary>
    public SimulatedVM? FindOffered(Guid id) =>
        Array.Find(_hosts, host => host.Find(id) is { IsMigrating: true, IsHeldByMigration: false })?.Find(id);

    /// <summary>A guest begins to run, or goes on. Within the gate.</summary>
    public void LetRun(SimulatedVM vm)
    {
        var last = _runs.GetValueOrDefault(vm.Id);
        RolledBack += vm.Run < last ? 1 : 0;
        _runs[vm.Id] = vm.Run = last + 1;
    }

    /// <summary>A guest is about to boot: it has no memory that could be too old. Within the gate.</summary>
    public void Boot(SimulatedVM vm) => vm.Run = _runs.GetValueOrDefault(vm.Id);

    public bool Has(Guid vm) => Array.Exists(_hosts, host => host.Find(vm) is not null);

    public SimulatedHost Host(string name) => _hosts[_uri.IndexOf(name)];
}
