using Kumoi.Composition;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Faults;
using Kumoi.Hypervisors.Libvirt;
using Kumoi.Journal;
using Kumoi.Journal.Sqlite;
using Kumoi.Resilience;
using Kumoi.Speculation;
using Kumoi.Speculation.Migration;
using Kumoi.Speculation.Repair;
using Kumoi.Tests.Speculation;
using Xunit;

namespace Kumoi.Tests.Lab;

/// <summary>
/// A test of migrations with a journal, on hosts that fail at the worst moments: just before a call, or when a target has come so far. At
/// its end, or after the repair, exactly one copy of the VM runs, and it is the same guest.
/// </summary>
public abstract class SpeculationFaultTest(RealLab lab) : FanOutTest(lab)
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("kumoi-lab-");
    private readonly Dictionary<string, Func<string, Task>> _acts = [];
    private SqliteJournal? _journal;

    /// <summary>Who runs the migrations, and can die.</summary>
    private protected Controller Controller { get; } = new();

    /// <summary>The hosts that are reached through a port that can be closed.</summary>
    private protected Dictionary<string, Forwarder> Forwarders { get; } = [];

    /// <summary>What was begun to be done to a host.</summary>
    private protected Task Fault { get; set; } = Task.CompletedTask;

    /// <summary>The calls to hosts, and to the journal, in their order.</summary>
    protected List<string> Tried { get; } = [];

    private SqliteJournal Journal => _journal ??= new SqliteJournal(_folder.FullName, TimeProvider.System);

    protected override async ValueTask EndAsync()
    {
        await Fault;
        if (_journal is not null)
        {
            await _journal.DisposeAsync();
        }

        foreach (var forwarder in Forwarders.Values)
        {
            await forwarder.DisposeAsync();
        }

        _folder.Delete(recursive: true);
    }

    private protected static SpeculationOptions Slowly(SpeculationOptions options) =>
        options with { Migration = options.Migration with { BandwidthBytesPerSecond = SlowBytesPerSecond } };

    private protected static SpeculationOptions Unsafely(SpeculationOptions options) =>
        options with { Migration = options.Migration with { AllowUnsafe = true } };

    /// <summary>The host that was the first to be asked that.</summary>
    private protected string FirstTried(string step) =>
        Tried.First(call => call.StartsWith(step + ' ', StringComparison.Ordinal))[(step.Length + 1)..];

    /// <summary>Does something, with the host, just before the first call of that name.</summary>
    private protected void On(string step, Action<string> act) => OnAsync(step, host =>
    {
        act(host);
        return Task.CompletedTask;
    });

    private protected void OnAsync(string step, Func<string, Task> act) => _acts[step] = act;

    private Task TurnAsync(string host, string step)
    {
        lock (Tried)
        {
            Tried.Add($"{step} {host}");
            return _acts.Remove(step, out var act) ? act(host) : Task.CompletedTask;
        }
    }

    private protected async Task LoseJournalAsync()
    {
        await Journal.DisposeAsync();
        _journal = new SqliteJournal(_folder.CreateSubdirectory("new").FullName, TimeProvider.System);
    }

    /// <summary>These hosts are reached through ports that can be closed.</summary>
    private protected void Forward(params string[] hosts)
    {
        foreach (var host in hosts)
        {
            Forwarders[host] = new Forwarder(Lab.Address, Lab.Host(host));
        }
    }

    /// <summary>Where the host says that it waits for a stream.</summary>
    private protected async Task TellStreamAddressAsync(string host, string address)
    {
        await Lab.ExecuteAsync(host, "sed", "-i", $"s/^migration_host = .*/migration_host = \"{address}\"/", "/etc/libvirt/qemu.conf");
        await Lab.HurtAsync("kill-daemon", host);
        await Lab.MakeWellAsync(host);
    }

    private string UriByForwarder(LabHost host) => Forwarders.TryGetValue(host.Name, out var forwarder) ? forwarder.Uri : host.TcpUri;

    private protected void RefuseToFinish() => Controller.Fault = (host, call, isDone) =>
        call is "finish" && !isDone ? new HypervisorException($"{host} says no", FaultDomain.Host) : null;

    private protected async Task<SpeculationResult> MigrateAsync(
        KumoiVM vm, string[] targets, Func<SpeculationOptions, SpeculationOptions>? change = null,
        IProgress<ReplicaProgress>? progress = null)
    {
        Controller.Turn = TurnAsync;
        var time = TimeProvider.System;
        await using var fleet = KumoiFleet.Create(
            [new ControlledDriver(new LibvirtDriver(time), Controller) { IsSimulated = false }], new PollyCallPolicyFactory(),
            new FaultPlan(new Random(1), time), time,
            () => new ControlledJournal(Journal, Controller));
        await ConnectAllAsync(fleet, UriByForwarder);
        var options = new SpeculationOptions
        {
            Replicas = targets.Length,
            Migration = new MigrationOptions
            {
                StallTimeout = TimeSpan.FromSeconds(3),
                RelayAddress = Lab.Address,
                SourceAddresses = [System.Net.IPAddress.Parse(Lab.Host(Source).Address)]
            }
        };
        return await new SpeculativeMigration(new KumoiVM(fleet.Find(Source)!, vm.Reading), change?.Invoke(options) ?? options, time)
            .RunAsync([.. targets.Select(target => fleet.Find(target)!)], progress, CancellationToken.None);
    }

    private protected async Task LoseAnswerAsync(string host, bool isReachableAgain)
    {
        await Eventually.HoldsAsync(async () => await PlaceAsync(host) is VMWhereabouts.Running, "the starting step has taken effect");
        Forwarders[host].Close();
        if (isReachableAgain)
        {
            Forwarders[host].Open();
        }
    }

    private protected static async Task<HypervisorException> IsUndecidedAsync(Task migration)
    {
        var failure = await Assert.ThrowsAsync<HypervisorException>(() => migration);
        Assert.True(failure.OutcomeUnknown, failure.Message);
        Assert.NotNull(failure.RecommendedAction);
        return failure;
    }

    private async Task<List<KumoiOperation>> PendingAsync()
    {
        var pending = new List<KumoiOperation>();
        await foreach (var operation in Journal.ReadOperationsAsync(
            new OperationQuery { States = [OperationState.Pending] }, CancellationToken.None))
        {
            pending.Add(operation);
        }

        return pending;
    }

    private protected async Task IsNotRepairedAsync() => Assert.False((await TryRepairAsync()).IsRepaired);

    /// <summary>What a host is about to do by itself is waited for.</summary>
    private protected async Task<RepairResult> RepairAsync()
    {
        RepairResult? result = null;
        await Eventually.HoldsAsync(
            async () => (result = await TryRepairAsync()).IsRepaired, () => $"the operation is repaired ({result})");
        return result!;
    }

    /// <summary>As another process would, later.</summary>
    private async Task<RepairResult> TryRepairAsync()
    {
        await using var fleet = await RepairingFleetAsync();
        return await new OperationRepair(fleet, Journal, TimeProvider.System)
            .RepairAsync(Assert.Single(await PendingAsync()), isOwnerKnownDead: false, CancellationToken.None);
    }

    private protected async Task RepairOrphansAsync()
    {
        await using var fleet = await RepairingFleetAsync();
        var repair = new OperationRepair(fleet, Journal, TimeProvider.System);
        await Eventually.HoldsAsync(
            async () =>
            {
                var orphans = await repair.FindOrphansAsync(fleet.Hosts, CancellationToken.None);
                foreach (var orphan in orphans)
                {
                    await repair.RepairAsync(orphan, isOwnerKnownDead: false, CancellationToken.None);
                }

                return orphans.Count == 0;
            },
            "no orphan is left");
    }

    private async Task<Fleet> RepairingFleetAsync()
    {
        var time = TimeProvider.System;
        var fleet = KumoiFleet.Create(
            [new LibvirtDriver(time)], new PollyCallPolicyFactory(), new FaultPlan(new Random(1), time), time, () => Journal);
        await ConnectAllAsync(fleet, UriByForwarder, maySomeBeSilent: true);
        return fleet;
    }

    /// <summary>One copy, no marks, nothing pending, and the guest has never gone back.</summary>
    private protected async Task EndsOnlyOnAsync(string winner, long before)
    {
        await RunsOnlyOnAsync(winner, before);
        var numbers = Lab.Counters(Source, VM);
        if (winner != Source)
        {
            numbers = [.. numbers, .. Lab.Counters(winner, VM)];
        }

        Assert.Equal(numbers.Order(), numbers);
        Assert.Empty(await PendingAsync());
        foreach (var host in Fleet.Hosts)
        {
            Assert.Empty(await host.Link.SendAsync(new ReadMarked(), CancellationToken.None));
        }
    }

    /// <summary>A VM with an image that only one VM at a time can write to; each host has its own of that name.</summary>
    private protected async Task<KumoiVM> StartWithWritableDiskAsync() => await StartXmlAsync(await WritableXmlAsync(VM));

    private protected async Task OccupyDiskAsync(string host) => await CreateXmlAsync(Host(host), await WritableXmlAsync("occupant"));

    private async Task<string> WritableXmlAsync(string name) =>
        (await Lab.XmlAsync(name, "qcow2")).Replace("<readonly/>", "", StringComparison.Ordinal);
}
