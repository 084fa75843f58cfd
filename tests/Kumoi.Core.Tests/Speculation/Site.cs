using Kumoi.Composition;
using Kumoi.Fleets;
using Kumoi.Fleets.Links;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Faults;
using Kumoi.Hypervisors.Simulated;
using Kumoi.Journal;
using Kumoi.Resilience;
using Kumoi.Speculation;
using Kumoi.Speculation.Migration;
using Kumoi.Speculation.Repair;
using Kumoi.Speculation.Start;
using Xunit;

namespace Kumoi.Tests.Speculation;

/// <summary>
/// Simulated hosts, one running VM on the first of them, and a journal: what outlives the controllers that work with them.
/// </summary>
internal sealed class Site : IAsyncDisposable
{
    public const string VM = "kvm01-1";

    private readonly string _uri;
    private readonly SimulatedDriver _driver;
    private readonly Fleet _observer;

    private Site(int hosts)
    {
        _uri = $"sim://site?hosts={hosts}&vms=1&running=1&seed=7";
        _driver = new SimulatedDriver(Time);
        _observer = KumoiFleet.Create([_driver], new PollyCallPolicyFactory(Time), new FaultPlan(new Random(1), Time), Time);
    }

    /// <summary>Who asks a host again and again is not kept waiting.</summary>
    public ManualTime Time { get; } = new() { RunsThrough = TimeSpan.FromSeconds(1) };

    public MemoryJournal Journal { get; } = new();

    public Guid Id { get; private set; }

    /// <summary>Only kvm01 has a VM.</summary>
    public static async Task<Site> OpenAsync(int hosts = 3)
    {
        var site = new Site(hosts);
        await ConnectAsync(site._observer, site._uri);
        foreach (var host in site._observer.Hosts.Skip(1))
        {
            foreach (var vm in await host.Link.SendAsync(new ReadVMs(), default))
            {
                await host.Link.SendAsync(new DestroyVM(vm.Id), default);
                await host.Link.SendAsync(new UndefineVM(vm.Id, false), default);
            }
        }

        site.Id = (await site._observer.Hosts[0].Link.SendAsync(new FindVMByName(VM), default))!.Id;
        return site;
    }

    /// <summary>A process that works with the site: its own connections, the common journal.</summary>
    public async Task<Fleet> StartAsync(Controller controller, Func<IJournal>? open = null, FleetLimits? limits = null)
    {
        var fleet = KumoiFleet.Create(
            [new ControlledDriver(_driver, controller)], new PollyCallPolicyFactory(Time), new FaultPlan(new Random(1), Time), Time,
            open ?? (() => new ControlledJournal(Journal, controller)));
        fleet.Limits = limits ?? new FleetLimits();
        await ConnectAsync(fleet, _uri);
        return fleet;
    }

    /// <summary>Migrates the VM from kvm01 to all other hosts, or to so many of them.</summary>
    public async Task<SpeculationResult> MigrateAsync(
        Fleet fleet, SpeculationOptions? options = null, int? candidates = null, CancellationToken cancellationToken = default)
    {
        var source = fleet.Hosts[0];
        var vm = new KumoiVM(source, (await _observer.Hosts[0].Link.SendAsync(new FindVMByName(VM), default))!);
        return await new SpeculativeMigration(vm, options ?? new SpeculationOptions { Replicas = fleet.Hosts.Count - 1 }, Time)
            .RunAsync([.. fleet.Hosts.Skip(1).Take(candidates ?? fleet.Hosts.Count)], progress: null, cancellationToken);
    }

    /// <summary>The VM of kvm01 has a disk of its own, a volume of this name.</summary>
    public async Task AddDiskAsync(string volume) => await _observer.Hosts[0].Link.SendAsync(
        new AddDisk(Id, new DiskAddition { NewVolumeBytes = 1L << 30, VolumeName = volume, StoragePool = "default" }), default);

    /// <summary>The volumes of the hosts' pools, in the order of the hosts.</summary>
    public async Task<IReadOnlyList<string>> VolumesAsync()
    {
        List<string> volumes = [];
        foreach (var host in _observer.Hosts)
        {
            volumes.Add(string.Join(' ', (await host.Link.SendAsync(new ReadVolumes("default"), default)).Select(one => one.Name)));
        }

        return volumes;
    }

    /// <summary>Moves the VM, with its disks, from kvm01 to kvm02.</summary>
    public async Task<KumoiVM> MoveWithStorageAsync(
        Fleet fleet, bool keepSource = false, IProgress<MigrationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        var vm = new KumoiVM(fleet.Hosts[0], (await _observer.Hosts[0].Link.SendAsync(new FindVMByName(VM), default))!);
        return await new StorageMigration(vm, fleet.Hosts[1], new MigrationOptions(), keepSource, Time)
            .RunAsync(progress, cancellationToken);
    }

    /// <summary>Moves the VM's disks on kvm01 to another storage pool of it, <c>fast</c>.</summary>
    public async Task<KumoiVM> MoveDisksAsync(Fleet fleet)
    {
        var vm = new KumoiVM(fleet.Hosts[0], (await _observer.Hosts[0].Link.SendAsync(new FindVMByName(VM), default))!);
        return await new DiskMove(vm, "fast", keepSource: false, Time).RunAsync([], null, default);
    }

    /// <summary>The VM of kvm01 is that, by its admin.</summary>
    public async Task SetAsync(VMWhereabouts place)
    {
        if (place is VMWhereabouts.Off)
        {
            await Observe(1).SendAsync(new ShutdownVM(Id), default);
        }
        else if (place is VMWhereabouts.Paused)
        {
            await PauseAsync();
        }
    }

    /// <summary>A host, 2, 3, …, shows the VM of kvm01 as its own, with a mark of an operation that it has made up.</summary>
    public async Task InventAsync(int host, bool isStart, VMWhereabouts place, SpeculationMark? mark = null)
    {
        var name = _observer.Hosts[host - 1].Name;
        mark ??= new SpeculationMark(OperationId.New(), isStart, "kvm01", [name], OperationOwner.Current.ToToken())
        {
            Replica = 1,
            IsNamed = true
        };
        await Observe(host).SendAsync(
            new DefineVM(new VMSpec { Name = VM, Id = Id, MemoryBytes = 1L << 30, Mark = mark }) { Operation = mark.Operation }, default);
        if (place is not VMWhereabouts.Off)
        {
            await Observe(host).SendAsync(new StartVM(Id, place is VMWhereabouts.Paused), default);
        }
    }

    /// <summary>Another admin migrates the VM from that host, 1, 2, …, to kvm01, or to the last host, that has nothing of it.</summary>
    public async Task MigrateByHandAsync(int host, bool back)
    {
        var places = (await PlacesAsync()).ToList();
        var target = back ? places.IndexOf(VMWhereabouts.Absent) : places.LastIndexOf(VMWhereabouts.Absent);
        if (target >= 0)
        {
            await Observe(host).SendAsync(new MigrateVM(Id, Observe(target + 1), new MigrationOptions()), default);
        }
    }

    /// <summary>The VM is off on kvm01; or, without a home, no host has it, and it is going to have its id.</summary>
    public async Task TurnOffAsync(bool hasHome)
    {
        await _observer.Hosts[0].Link.SendAsync(new DestroyVM(Id), default);
        if (!hasHome)
        {
            await _observer.Hosts[0].Link.SendAsync(new UndefineVM(Id, RemoveVolumes: false), default);
        }
    }

    /// <summary>Starts the VM of kvm01, or makes it, on one of the hosts with these numbers, 1, 2, …</summary>
    public async Task<SpeculationResult> PowerOnAsync(
        Fleet fleet, bool hasHome, IEnumerable<int> hosts, SpeculationOptions? options = null, string? disk = null,
        CancellationToken cancellationToken = default)
    {
        options ??= new SpeculationOptions { Replicas = fleet.Hosts.Count };
        var spec = new VMSpec { Name = VM, Id = Id, MemoryBytes = 1L << 30, Disks = disk is null ? [] : [new DiskSpec { Path = disk }] };
        var start = hasHome
            ? new SpeculativeStart(
                new KumoiVM(fleet.Hosts[0], (await _observer.Hosts[0].Link.SendAsync(new FindVM(Id), default))!), options, Time)
            : new SpeculativeStart(spec, options, Time);
        return await start.RunAsync([.. hosts.Select(number => fleet.Hosts[number - 1])], progress: null, cancellationToken);
    }

    /// <summary>What the guest on that host, 1, 2, …, does by itself; or its host saves it.</summary>
    public void Happen(int host, PowerState state, bool isSaved = false) => _driver.Happen(_uri, host, Id, state, isSaved);

    /// <summary>How often the guest went back.</summary>
    public int RolledBack => _driver.ReadRun(_uri, 1, Id).RolledBack;

    /// <summary>The hosts, 1, 2, …, whose copies have what the guest did last.</summary>
    public IReadOnlyList<int> Newest()
    {
        var runs = Enumerable.Range(1, _observer.Hosts.Count).Select(host => (Host: host, _driver.ReadRun(_uri, host, Id).Run))
            .Where(copy => copy.Run is not null).ToList();
        return [.. runs.Where(copy => copy.Run == runs.Max(other => other.Run)).Select(copy => copy.Host)];
    }

    /// <summary>The marks of all copies.</summary>
    public async Task<IReadOnlyList<SpeculationMark?>> MarksAsync()
    {
        var marks = new List<SpeculationMark?>();
        foreach (var host in _observer.Hosts)
        {
            marks.Add((await host.Link.SendAsync(new ReadMarked(), default)).FirstOrDefault(marked => marked.Id == Id)?.Mark);
        }

        return marks;
    }

    /// <summary>Someone who disturbs nobody.</summary>
    public IHypervisorLink Observe(int host) => _observer.Hosts[host - 1].Link;

    /// <summary>No host has a VM that carries a mark.</summary>
    public async Task AssertNoMarksAsync(string because)
    {
        foreach (var host in _observer.Hosts)
        {
            Assert.True((await host.Link.SendAsync(new ReadMarked(), default)).Count == 0, $"{because}: a mark is left on {host}");
        }
    }

    /// <summary>What each host has of the VM, by someone who disturbs nobody.</summary>
    public async Task<IReadOnlyList<VMWhereabouts>> PlacesAsync()
    {
        var places = new List<VMWhereabouts>();
        foreach (var host in _observer.Hosts)
        {
            places.Add(await host.Link.SendAsync(new ReadWhereabouts(Id), default));
        }

        return places;
    }

    public async Task PauseAsync() => await _observer.Hosts[0].Link.SendAsync(new SuspendVM(Id), default);

    /// <summary>It runs (or is paused, as it was) on one host, whole, and no other host has anything of it.</summary>
    public async Task<string> AssertOneCopyAsync(string because, VMWhereabouts expected = VMWhereabouts.Running)
    {
        var places = await PlacesAsync();
        Assert.True(places.Count(place => place == expected) == 1, $"{because}: {string.Join(", ", places)}");
        Assert.True(places.Count(place => place is not VMWhereabouts.Absent) == 1, $"{because}: {string.Join(", ", places)}");
        var at = places.ToList().IndexOf(expected);
        Assert.True(_driver.IsWhole(_uri, at, Id), $"{because}: the guest went back, or was started too early");
        return _observer.Hosts[at].Name;
    }

    /// <summary>The operations that have not ended.</summary>
    public async Task<List<KumoiOperation>> UnfinishedAsync()
    {
        var unfinished = new List<KumoiOperation>();
        await foreach (var operation in Journal.ReadOperationsAsync(new OperationQuery { States = [OperationState.Pending] }, default))
        {
            unfinished.Add(operation);
        }

        return unfinished;
    }

    /// <summary>A new process repairs what the old one has left.</summary>
    public async Task<List<RepairResult>> RepairAsync(Controller? controller = null)
    {
        await using var fleet = await StartAsync(controller ?? new Controller());
        var results = new List<RepairResult>();
        foreach (var operation in (await UnfinishedAsync())
            .Where(OperationRepair.IsOnSeveralHosts))
        {
            results.Add(await new OperationRepair(fleet, Journal, Time).RepairAsync(operation, isOwnerKnownDead: false, default));
        }

        return results;
    }

    /// <summary>A new process, whose journal may be empty, repairs what it finds on the hosts.</summary>
    public async Task<List<RepairResult>> RepairOrphansAsync(bool isJournalGone, Controller? controller = null)
    {
        await using var fleet = await StartAsync(controller ?? new Controller());
        var repair = new OperationRepair(fleet, isJournalGone ? new MemoryJournal() : Journal, Time);
        var results = new List<RepairResult>();
        foreach (var orphan in await repair.FindOrphansAsync(fleet.Hosts, default))
        {
            results.Add(await repair.RepairAsync(orphan, isOwnerKnownDead: false, default));
        }

        return results;
    }

    public ValueTask DisposeAsync() => _observer.DisposeAsync();

    /// <summary>Connects a host, 1, 2, …, once more, under another name.</summary>
    public Task ConnectAgainAsync(Fleet fleet, int host, string name) => ConnectAsync(fleet, _observer.Hosts[host - 1].Uri, name);

    private static async Task ConnectAsync(Fleet fleet, string uri, string? name = null)
    {
        await foreach (var outcome in fleet.ConnectAsync([new ConnectRequest(uri, name, [])], default))
        {
            _ = outcome.Result;
        }
    }
}
