using System.Collections.Concurrent;
using System.Globalization;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Lineage;
using Kumoi.Resilience;
using Xunit;

namespace Kumoi.Tests.Lab;

/// <summary>
/// Cancelled in the middle of creating VMs, an evaluation leaves no half-made one: what there is has been reported and runs, all else is
/// gone, also where a call was under way that libvirt cannot take back.
/// </summary>
public sealed class CancelledCreationTests(RealLab lab) : LabTest(lab)
{
    private const long MiB = 1L << 20;
    private const int Rounds = 24;
    private const int MeetingRounds = 40;
    private const int VMs = 4;

    /// <summary>Of each VM: define, start, read.</summary>
    private const int CallsOfAVM = 3;

    [Fact]
    public async Task At_any_call_and_moment_every_VM_is_whole_or_gone()
    {
        var random = new Random(20_260);
        for (var round = 0; round < Rounds; round++)
        {
            var moment = (CallMoment)random.Next(3);
            var call = random.Next(1, (VMs * CallsOfAVM) + 1);
            await CancelAsync(
                string.Create(CultureInfo.InvariantCulture, $"r{round:00}"), call, moment, withVolume: int.IsOddInteger(round));
            await RemoveAllVMsAsync(removeVolumes: true);
        }
    }

    /// <summary>As after a cancellation: the start goes on in the host's daemon while what it belongs to is undone.</summary>
    [Fact]
    public async Task An_undo_that_meets_the_start_leaves_nothing()
    {
        for (var round = 0; round < MeetingRounds; round++)
        {
            var host = Fleet.Hosts[round % Fleet.Hosts.Count];
            var operation = OperationId.New();
            var vm = await CreateAsync(host, $"meeting-{round}", "idle", start: false, operation);
            using var barrier = new Barrier(2);

            var starting = Task.Run(async () =>
            {
                barrier.SignalAndWait();
                await host.Link.SendAsync(new StartVM(vm.Id, Paused: false) { Operation = operation }, CancellationToken.None);
            });
            var undoing = Task.Run(async () =>
            {
                barrier.SignalAndWait();
                Meet(round / Fleet.Hosts.Count, starting, () => Lab.HasBegunToStart(host.Name, vm.Name), () => Lab.HasStarted(
                    host.Name, vm.Name));
                Assert.True(await host.Link.SendAsync(new UndoDefineVM(operation), CancellationToken.None));
            });

            await undoing;
            _ = await Record.ExceptionAsync(() => starting); // whoever comes first is fine
            Assert.Null(await host.Link.SendAsync(new FindVM(vm.Id), CancellationToken.None));
        }
    }

    /// <summary>
    /// As after a cancellation: the definition, which nobody waits for any more, goes on while what it belongs to is undone.
    /// </summary>
    [Fact]
    public async Task An_undo_that_meets_the_definition_leaves_no_volume()
    {
        var fleet = await ConnectAsync(new PollyCallPolicyFactory());
        await using (fleet)
        {
            for (var round = 0; round < MeetingRounds; round++)
            {
                var host = fleet.Hosts[round % fleet.Hosts.Count];
                var operation = OperationId.New();
                var spec = await SpecAsync($"begun-{round}", withVolume: true);
                using var cancellation = new CancellationTokenSource();
                var image = Path.Combine(Lab.Host(host.Name).Images, $"begun-{round}-1");

                var defining = host.Link.SendAsync(new DefineVM(spec) { Operation = operation }, cancellation.Token).AsTask();
                Meet(round / Fleet.Hosts.Count, defining, () => File.Exists(image), () => Lab.HasDefined(host.Name, spec.Name!));
                await cancellation.CancelAsync();
                _ = await Record.ExceptionAsync(() => defining);
                await host.Link.SendAsync(new UndoDefineVM(operation), CancellationToken.None).AsTask();
            }
        }

        // The fleet is closed: nothing is under way any more, so this is how it stays.
        foreach (var host in Fleet.Hosts)
        {
            Assert.Empty(await VMsAsync(host.Name));
            Assert.Empty(Directory.EnumerateFiles(Lab.Host(host.Name).Images, "begun-*"));
        }
    }

    /// <summary>
    /// Waits until what is under way has left that first or second trace of itself, each time another one, or not at all; so that what
    /// comes next comes in between its calls.
    /// </summary>
    private static void Meet(int round, Task underWay, Func<bool> first, Func<bool> second)
    {
        if (round % 3 > 0)
        {
            SpinWait.SpinUntil(() => underWay.IsCompleted || (round % 3 == 1 ? first() : second()));
        }
    }

    /// <summary>Cancels at that moment of the so-manieth call that reaches it.</summary>
    private async Task CancelAsync(string round, int call, CallMoment moment, bool withVolume)
    {
        using var cancellation = new CancellationTokenSource();
        var created = new ConcurrentBag<string>();
        var isCreating = false;
        var seen = 0;
        var fleet = await ConnectAsync(new WatchedCalls(new PollyCallPolicyFactory(), WatchAsync));
        await using (fleet)
        {
            isCreating = true;
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => fleet.Hosts.AsLineage().Take(VMs)
                .Select(async (host, token) =>
                {
                    var spec = await SpecAsync($"{round}-{host.Name}", withVolume);
                    var vm = await VMActions.CreateAsync(host, spec, start: true, keepFailed: false, OperationId.New(), token);
                    created.Add($"{vm.VMHost} {vm.Name} {vm.State}");
                    return vm;
                })
                .EvaluateAsync(cancellationToken: cancellation.Token));
        }

        // The fleet is closed: nothing is under way any more, so this is how it stays.
        var there = new List<string>();
        var volumes = 0;
        foreach (var host in Fleet.Hosts)
        {
            there.AddRange((await VMsAsync(host.Name)).Select(vm => $"{host.Name} {vm.Name} {vm.State}"));
            volumes += Directory.EnumerateFiles(Lab.Host(host.Name).Images, round + "-*").Count();
        }

        Assert.True(
            created.Order(StringComparer.Ordinal).SequenceEqual(there.Order(StringComparer.Ordinal), StringComparer.Ordinal),
            $"Round {round}, {moment} call {call}: reported were [{string.Join(", ", created)}], there are [{string.Join(", ", there)}].");
        Assert.All(created, vm => Assert.EndsWith(" Running", vm, StringComparison.Ordinal));
        Assert.Equal(withVolume ? created.Count : 0, volumes);

        async Task WatchAsync(WatchedCall watched, CallMoment now)
        {
            if (!isCreating || now != moment || Interlocked.Increment(ref seen) != call)
            {
                return;
            }

            if (moment is CallMoment.While && watched.Kind is CallKind.Write)
            {
                await Eventually.HoldsAsync(
                    () => watched.Running.IsCompleted || Lab.HasBegunToStart(watched.Host, $"{round}-{watched.Host}"),
                    "the call is over, or QEMU begins");
            }

            await cancellation.CancelAsync();
        }
    }

    private async Task<VMSpec> SpecAsync(string name, bool withVolume) => withVolume
        ? new VMSpec { Name = name, MemoryBytes = 64 * MiB, Disks = [new DiskSpec { NewVolumeBytes = MiB }] }
        : new VMSpec { Xml = await Lab.XmlAsync(name, "idle") };
}
