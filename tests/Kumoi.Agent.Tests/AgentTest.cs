using Kumoi.Agent.Http;
using Kumoi.Agents;
using Kumoi.Composition;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Faults;
using Kumoi.Hypervisors.Libvirt;
using Kumoi.Hypervisors.Simulated;
using Kumoi.Journal.Sqlite;
using Kumoi.Resilience;
using Kumoi.Tests;
using Xunit;

namespace Kumoi.Agent.Tests;

/// <summary>
/// An agent in this process, on a journal of its own, with simulated hosts that outlive it: the test holds a link to them too.
/// </summary>
public abstract class AgentTest : IAsyncLifetime
{
    /// <summary>Hosts of a fleet of five.</summary>
    private protected static readonly HostOrder First = new("sim://lab/kvm01?hosts=5&vms=1&running=1&seed=3", "kvm01", [], null, null);
    private protected static readonly HostOrder Second = new("sim://lab/kvm02?hosts=5&vms=1&running=1&seed=3", "kvm02", [], null, null);

    private readonly SimulatedDriver _driver;
    private readonly List<AgentServer> _servers = [];
    private readonly List<IDisposable> _held = [];

    protected AgentTest()
    {
#pragma warning disable CA2214, MA0056 // a property without a state
        var clock = Clock;
#pragma warning restore CA2214, MA0056
        Folder = Path.Combine(Path.GetTempPath(), "kumoi-agent-" + Guid.NewGuid().ToString("N"));
        _driver = new SimulatedDriver(clock);
        Fleet = KumoiFleet.Create(
            [_driver], new PollyCallPolicyFactory(clock), new FaultPlan(new Random(1), clock), clock);
    }

    /// <summary>Of the journal.</summary>
    protected string Folder { get; }

    private protected ManualTime Time { get; } = new();

    /// <summary>The agent's.</summary>
    protected virtual TimeProvider Clock => Time;

    private protected Fleet Fleet { get; }

    public async ValueTask InitializeAsync()
    {
        foreach (var host in new[] { First, Second })
        {
            await foreach (var outcome in Fleet.ConnectAsync([host.ToRequest()], CancellationToken.None))
            {
                _ = outcome.Result;
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var server in _servers)
        {
            await server.DisposeAsync();
        }

        _held.ForEach(one => one.Dispose());
        await Fleet.DisposeAsync();
        if (Directory.Exists(Folder))
        {
            Directory.Delete(Folder, recursive: true);
        }

        GC.SuppressFinalize(this);
    }

    private protected async Task<AgentServer> StartAsync(
        TimeSpan? idleLimit = null, string? version = null, RequestLimits? limits = null, IHypervisorDriver? driver = null)
    {
        var folder = AgentFolder.Make(Folder);
        _held.Add(folder);
        var server = await AgentServer.StartAsync(new AgentSettings(folder, Folder)
        {
            IdleLimit = idleLimit ?? TimeSpan.FromMinutes(10),
            Drivers = [driver ?? _driver, new LibvirtDriver()],
            Time = Clock,
            Version = version ?? AgentVersion.Own,
            Limits = limits ?? new RequestLimits(),
        });
        _servers.Add(server);
        return server;
    }

    private protected AgentClient Client()
    {
        var client = new AgentClient(Folder, new AgentProgram("/nowhere/Kumoi.Agent.dll", _ => null));
        _held.Add(client);
        return client;
    }

    private protected SqliteJournal Journal() => new(Folder, Time);

    private protected PersistentScaling Scaling(AgentClient client) => new(client, new PersistentWork(Journal));

    private protected async Task<ScalingOrder> OrderAsync(string group = "web", int minimum = 2, params IEnumerable<HostOrder> more)
    {
        var vms = await Fleet.Find("kvm01")!.Link.SendAsync(new ReadVMs(), CancellationToken.None);
        return new ScalingOrder
        {
            Group = group,
            MasterId = vms[0].Id,
            Master = vms[0].Name,
            Minimum = minimum,
            Maximum = 4,
            LowerCpuRatio = 0,
            UpperCpuRatio = 1,
            BreachCount = 3,
            Interval = TimeSpan.FromSeconds(30),
            StopPatience = TimeSpan.FromSeconds(30),
            MaxCpuRatio = 1,
            MinFreeMemoryBytes = 0,
            MasterHost = First,
            Hosts = [First, Second, .. more],
        };
    }

    private protected async Task<IEnumerable<string>> GroupAsync(string group = "web")
    {
        List<string> names = [];
        await foreach (var read in Fleet.ReadVMsAsync(
            Fleet.Hosts, vm => vm.Name.StartsWith(group + "-", StringComparison.Ordinal), includeXml: false, default))
        {
            names.AddRange(read.Result.Select(vm => vm.Name));
        }

        return names.Order(StringComparer.Ordinal);
    }

    /// <summary>Looks until it is so; the test's time limit ends what never becomes so.</summary>
    private protected static async Task<T> UntilAsync<T>(Func<Task<T>> look, Func<T, bool> isSo)
    {
        while (true)
        {
            var seen = await look();
            if (isSo(seen))
            {
                return seen;
            }

            await Task.Yield();
        }
    }
}
