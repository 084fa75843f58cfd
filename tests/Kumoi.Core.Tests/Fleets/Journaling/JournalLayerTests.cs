using System.Text.Json.Nodes;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Faults;
using Kumoi.Journal;
using Kumoi.Tests.Journal;
using Xunit;

namespace Kumoi.Tests.Fleets.Journaling;

/// <summary>What a fleet with a journal writes into it.</summary>
public sealed class JournalLayerTests : JournalTest, IAsyncLifetime
{
    private readonly IJournal _journal;
    private LabFleet _lab = null!;
    private int _asked;

    public JournalLayerTests() => _journal = Open();

    public async ValueTask InitializeAsync() => _lab = await LabFleet.ConnectAsync("sim://lab?hosts=3&vms=2&seed=7", () =>
    {
        _asked++;
        return _journal;
    });

    public async ValueTask DisposeAsync()
    {
        await _lab.DisposeAsync();
        await _journal.DisposeAsync();
        Dispose();
    }

    [Fact]
    public async Task Reads_do_not_ask_for_the_journal()
    {
        await _lab.Host("kvm01").Link.SendAsync(new ReadHost(IncludeVMs: true), default);
        await _lab.VMsAsync("kvm01");
        Assert.Equal(0, _asked);
    }

    [Fact]
    public async Task Each_change_is_one_operation_with_what_it_was_about()
    {
        var host = _lab.Host("kvm01");
        var operation = OperationId.New();
        var vm = await host.Link.SendAsync(
            new DefineVM(new VMSpec { Name = "web", MemoryBytes = 64 << 20, KernelArguments = "password=secret" })
            {
                Operation = operation
            }, default);
        await host.Link.SendAsync(new StartVM(vm.Id, Paused: false) { Operation = operation }, default);
        await host.Link.SendAsync(
            new MigrateVM(vm.Id, _lab.Host("kvm02").Link, new MigrationOptions { TargetUri = "qemu+tcp://kvm02/system?password=secret" }),
            default);
        var operations = await OperationsAsync(_journal);
        Assert.Equal(
            [
                (OperationKind.Define, "kvm01", "web", null, OperationState.Succeeded),
                (OperationKind.Start, "kvm01", "web", null, OperationState.Succeeded),
                (OperationKind.Migrate, "kvm01", "web", "kvm02", OperationState.Succeeded),
            ],
            operations.Select(o => (o.Kind, o.VMHost, o.VM, o.Target, o.State)));
        Assert.All(operations, o => Assert.Equal((vm.Id, true, _lab.Time.GetUtcNow()), (o.VMId!.Value, o.IsSimulated, o.StartedAt)));
        Assert.Equal([operation.Value, operation.Value], operations.Take(2).Select(o => o.Id));
        Assert.DoesNotContain("secret", string.Concat(operations.Select(o => o.Details)), StringComparison.Ordinal);
        Assert.Empty(await EventsAsync(_journal));
    }

    [Fact]
    public async Task A_VM_that_was_read_before_is_known_by_name()
    {
        var vm = (await _lab.VMsAsync("kvm01"))[0];
        await Assert.ThrowsAsync<HypervisorException>(() => _lab.Host("kvm01").Link.SendAsync(new ResumeVM(vm.Id), default).AsTask());
        var operation = Assert.Single(await OperationsAsync(_journal));
        Assert.Equal((vm.Name, OperationState.Failed), (operation.VM, operation.State));
        Assert.Contains(vm.Name, operation.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_unknown_outcome_is_recorded_as_unknown_with_an_event()
    {
        _lab.Faults.Add(new FaultRule
        {
            HostPattern = "*",
            HostMatches = _ => true,
            Operation = FaultOperation.Define,
            OutcomeUnknown = true,
            Message = "answer lost",
        });
        var operation = OperationId.New();
        await Assert.ThrowsAsync<HypervisorException>(
            () => _lab.Host("kvm01").Link.SendAsync(new DefineVM(new VMSpec { Name = "web" }) { Operation = operation }, default).AsTask());
        Assert.Equal(OperationState.Unknown, Assert.Single(await OperationsAsync(_journal)).State);
        var told = Assert.Single(await EventsAsync(_journal));
        Assert.Equal(
            (KumoiEventKind.OutcomeUnknown, "kvm01", "web", operation.Value), (told.Kind, told.VMHost, told.VM, told.OperationId!.Value));
    }

    [Fact]
    public async Task A_failure_tells_what_it_was_of_and_a_migration_how_large_the_VM_was()
    {
        _lab.Break("kvm02", FaultOperation.Migrate, FaultDomain.Network);
        var vm = new KumoiVM(_lab.Host("kvm01"), (await _lab.VMsAsync("kvm01")).First(one => one.State is PowerState.Running));
        await Assert.ThrowsAsync<HypervisorException>(
            () => VMActions.MoveAsync(vm, _lab.Host("kvm02"), new MigrationOptions { AllowUnsafe = true }, null, default));
        await VMActions.MoveAsync(vm, _lab.Host("kvm03"), new MigrationOptions { AllowUnsafe = true }, null, default);
        var details = (await OperationsAsync(_journal)).ConvertAll(operation => JsonNode.Parse(operation.Details)!);
        Assert.Equal(("Network", "Other", true),
            ((string?)details[0]["faultDomain"], (string?)details[0]["errorCode"], (bool)details[0]["allowUnsafe"]!));
        Assert.Equal((vm.MemoryBytes, true), ((long)details[1]["memoryBytes"]!, (bool)details[1]["allowUnsafe"]!));
    }

    [Fact]
    public async Task A_migration_that_fails_since_its_own_host_is_out_of_reach_is_a_failure_of_the_VM()
    {
        var vm = new KumoiVM(_lab.Host("kvm01"), (await _lab.VMsAsync("kvm01")).First(one => one.State is PowerState.Running));
        _lab.Break("kvm01", FaultOperation.Any, FaultDomain.Host);
        var failure = await Assert.ThrowsAsync<HypervisorException>(
            () => VMActions.MoveAsync(vm, _lab.Host("kvm02"), new MigrationOptions(), null, default));
        Assert.Equal(FaultDomain.VM, failure.FaultDomain);
        Assert.Equal("VM", (string?)JsonNode.Parse(Assert.Single(await OperationsAsync(_journal)).Details)!["faultDomain"]);
    }

    [Fact]
    public async Task Without_a_journal_that_can_be_written_the_call_does_not_go_out()
    {
        await System.IO.File.WriteAllTextAsync(Folder, "a file where the folder should be");
        try
        {
            await Assert.ThrowsAsync<JournalException>(
                () => _lab.Host("kvm01").Link.SendAsync(new DefineVM(new VMSpec { Name = "web" }), default).AsTask());
            Assert.DoesNotContain(await _lab.VMsAsync("kvm01"), vm => vm.Name is "web");
        }
        finally
        {
            System.IO.File.Delete(Folder);
        }
    }

    [Fact]
    public async Task A_lost_link_and_its_return_are_events()
    {
        _lab.Faults.Add(new FaultRule
        {
            HostPattern = "kvm01",
            HostMatches = name => name is "kvm01",
            Operation = FaultOperation.Connect,
            Message = "no route",
            Count = 1,
        });
        var host = _lab.Host("kvm01");
        await CloseUnderneathAsync(host);
        await Assert.ThrowsAsync<HypervisorException>(() => host.Link.SendAsync(new ReadVMs(), default).AsTask());
        await Assert.ThrowsAsync<HypervisorException>(() => host.Link.SendAsync(new ReadVMs(), default).AsTask());
        await host.Link.SendAsync(new ReadVMs(), default);
        await _lab.Fleet.Journal!.SettleAsync();
        var told = await EventsAsync(_journal);
        Assert.Equal([KumoiEventKind.ConnectionLost, KumoiEventKind.ConnectionReopened], told.Select(happened => happened.Kind));
        Assert.All(told, happened => Assert.Equal("kvm01", happened.VMHost));
    }

    [Fact]
    public async Task A_watch_of_the_fleet_gives_what_hosts_tell_and_what_is_journaled_and_ends_clean()
    {
        using var stop = new CancellationTokenSource();
        var watch = new FleetWatch(_lab.Fleet, _journal, TimeProvider.System, name => name is "kvm01").WatchAsync(stop.Token)
            .GetAsyncEnumerator();
        var vm = (await _lab.VMsAsync("kvm01")).First(vm => vm.State is PowerState.Running);
        var seen = new HashSet<KumoiEventKind>();
        var next = watch.MoveNextAsync().AsTask();
        while (seen.Count < 2)
        {
            while (!next.IsCompleted)
            {
                // Until the watch has begun, what happens may be before it.
                await _lab.Host("kvm01").Link.SendAsync(new SuspendVM(vm.Id), default);
                await _lab.Host("kvm01").Link.SendAsync(new ResumeVM(vm.Id), default);
                await _journal.AppendAsync(Event("journaled"), default);
            }

            await next;
            seen.Add(watch.Current.Kind);
            next = watch.MoveNextAsync().AsTask();
        }

        Assert.Equal([KumoiEventKind.Substitution, KumoiEventKind.VMLifecycle], seen.Order());
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            while (await next)
            {
                next = watch.MoveNextAsync().AsTask();
            }
        });
        await watch.DisposeAsync();
    }

    private static async Task CloseUnderneathAsync(KumoiConnection host) => await host.Linked.Driver.Latest!.DisposeAsync();
}
