using Kumoi.Composition;
using Kumoi.Fleets;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Faults;
using Kumoi.Hypervisors.Simulated;
using Kumoi.Resilience;
using Kumoi.Tests.Speculation;
using Kumoi.Workloads;
using Kumoi.Workloads.Placing;
using Kumoi.Workloads.RollingUpgrades;
using Xunit;

namespace Kumoi.Tests.Workloads.RollingUpgrades;

/// <summary>Hosts and a journal that outlive the sessions which upgrade them, as real ones do.</summary>
internal sealed class UpgradeSite : IAsyncDisposable
{
    private readonly string _uri;
    private readonly SimulatedDriver _driver;
    private readonly Fleet _observer;
    private readonly List<string> _violations = [];

    private UpgradeSite(string query)
    {
        _uri = $"sim://site?{query}";
        _driver = new SimulatedDriver(Time);
        _observer = KumoiFleet.Create([_driver], new PollyCallPolicyFactory(Time), new FaultPlan(new Random(1), Time), Time);
    }

    public ManualTime Time { get; } = new();

    public MemoryJournal Journal { get; } = new();

    /// <summary>The hosts on which the script was run to its end, in that order.</summary>
    public List<string> Upgraded { get; } = [];

    /// <summary>All VMs that ran at first.</summary>
    public IReadOnlyList<string> VMs { get; private set; } = [];

    public static async Task<UpgradeSite> OpenAsync(string query = "hosts=3&vms=2&running=2&seed=7")
    {
        var site = new UpgradeSite(query);
        await ConnectAsync(site._observer, site._uri);
        site.VMs = [.. (await site.RunningAsync()).SelectMany(host => host.Value).Order(NaturalOrder.Instance)];
        return site;
    }

    /// <summary>A session that works with the site.</summary>
    public async Task<Fleet> StartAsync(
        Controller? controller = null, FaultPlan? faults = null, Kumoi.Journal.IJournal? journal = null,
        Func<Kumoi.Journal.IJournal>? open = null)
    {
        controller ??= new Controller();
        var fleet = KumoiFleet.Create(
            [new ControlledDriver(_driver, controller) { IsSimulated = false }], new PollyCallPolicyFactory(Time),
            faults ?? new FaultPlan(new Random(1), Time), Time,
            open ?? (() => journal ?? new ControlledJournal(Journal, controller)));
        await ConnectAsync(fleet, _uri);
        return fleet;
    }

    /// <summary>A script that looks whether the host is as it should be for it.</summary>
    public RollingUpgradeOptions Options(Controller? controller = null, bool returnVMs = false) => new()
    {
        Name = "patches",
        Limits = new PlacementLimits(1, 0),
        ReturnVMs = returnVMs,
        Script = (host, _) => (controller ?? new Controller()).CallAsync<IReadOnlyList<object>>(host.Name, "script", async () =>
        {
            // An exception here would only be a script that fails.
            if (!host.IsInMaintenance || (await RunningAsync())[host.Name].Length > 0)
            {
                _violations.Add($"the script was run on {host.Name}, which was not empty and in maintenance");
            }

            Upgraded.Add(host.Name);
            return [$"upgraded {host.Name}"];
        }),
    };

    /// <summary>Upgrades all hosts in the order of their names; the results, up to the first failure.</summary>
    public async Task<List<KumoiHostUpdate>> UpgradeAsync(
        Fleet fleet, RollingUpgradeOptions options, WorkloadOptions? moves = null, CancellationToken cancellationToken = default)
    {
        var rollingUpgrade = await RollingUpgrade.OpenAsync(
            fleet, fleet.Hosts, options, moves ?? new WorkloadOptions(), Time, cancellationToken);
        var results = new List<KumoiHostUpdate>();
        try
        {
            foreach (var host in rollingUpgrade.Hosts.Where(host => !rollingUpgrade.IsDone(host)))
            {
                var (update, failure) = await rollingUpgrade.UpdateAsync(host, cancellationToken);
                results.Add(update);
                if (failure is not null)
                {
                    break;
                }
            }
        }
        finally
        {
            await rollingUpgrade.EndAsync();
        }

        return results;
    }

    /// <summary>The names of the running VMs of each host, as somebody sees them who disturbs nobody.</summary>
    public async Task<Dictionary<string, string[]>> RunningAsync()
    {
        var running = new Dictionary<string, string[]>(StringComparer.Ordinal);
        foreach (var host in _observer.Hosts)
        {
            running[host.Name] =
                [.. (await host.Link.SendAsync(new ReadVMs(), default)).Where(vm => vm.State is PowerState.Running).Select(vm => vm.Name)];
        }

        return running;
    }

    /// <summary>Each VM runs, on one host; and the script was never run on a host that was not ready for it.</summary>
    public async Task AssertNoVMIsLostAsync(string because)
    {
        Assert.Empty(_violations);
        Assert.True(VMs.SequenceEqual((await RunningAsync()).SelectMany(host => host.Value).Order(NaturalOrder.Instance)), because);
    }

    /// <summary>The hosts that a new session finds in maintenance.</summary>
    public async Task<string[]> InMaintenanceAsync()
    {
        await using var fleet = await StartAsync();
        var hosts = new List<string>();
        await foreach (var outcome in fleet.ReadHostsAsync(fleet.Hosts, default))
        {
            if (outcome.Result.IsInMaintenance)
            {
                hosts.Add(outcome.Result.Name);
            }
        }

        return [.. hosts];
    }

    public ValueTask DisposeAsync() => _observer.DisposeAsync();

    private static async Task ConnectAsync(Fleet fleet, string uri)
    {
        await foreach (var outcome in fleet.ConnectAsync([new ConnectRequest(uri, null, [])], default))
        {
            _ = outcome.Result;
        }
    }
}
