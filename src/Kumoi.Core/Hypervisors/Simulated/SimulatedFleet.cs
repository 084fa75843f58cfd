namespace Kumoi.Hypervisors.Simulated;

/// <summary>The state of one simulated fleet. One lock for all of it: every critical section is short, and a migration spans two hosts.</summary>
internal sealed class SimulatedFleet
{
    private readonly SimulatedFleetUri _uri;
    private readonly SimulatedHost[] _hosts;

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

    /// <summary>How often a copy was destroyed after it had run: what its guest did is undone, and done again elsewhere.</summary>
    public int RolledBack { get; set; }

    /// <summary>Guarded by the driver.</summary>
    public int OpenLinks { get; set; }

    /// <summary>The VM that a source offers in a migration; null: none does.</summary>
    public SimulatedVM? FindOffered(Guid id) =>
        Array.Find(_hosts, host => host.Find(id) is { IsMigrating: true, IsHeldByMigration: false })?.Find(id);

    public bool Has(Guid vm) => Array.Exists(_hosts, host => host.Find(vm) is not null);

    public SimulatedHost Host(string name) => _hosts[_uri.IndexOf(name)];
}
