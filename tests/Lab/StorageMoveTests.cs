using System.Security.Cryptography;
using Kumoi.Composition;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Faults;
using Kumoi.Hypervisors.Libvirt;
using Kumoi.Journal;
using Kumoi.Journal.Sqlite;
using Kumoi.Resilience;
using Kumoi.Speculation.Migration;
using Kumoi.Speculation.Repair;
using Xunit;

namespace Kumoi.Tests.Lab;

/// <summary>VMs that move with their disks, between hosts that share no storage.</summary>
public sealed class StorageMoveTests(RealLab lab) : LabTest(lab)
{
    private const long MiB = 1L << 20;
    private const string VM = "tick";
    private const string Raw = "move.img";
    private const string Grown = "move.qcow2";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("kumoi-lab-");
    private SqliteJournal? _journal;

    public static TheoryData<string, string, bool> Ways => new()
    {
        { "k1", "k2", false },
        { "k1", "k2", true },
        { "k2", "k1", false },
        { "k1", "k3", true },
    };

    public static TheoryData<double, string> Ends => new()
    {
        { 0.1, "cancel" }, { 0.5, "power-off" }, { 0.9, "cancel" }, { 0.9, "power-off" },
    };

    private SqliteJournal Journal => _journal ??= new SqliteJournal(_folder.FullName, TimeProvider.System);

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Each_byte_arrives_while_the_guest_counts_on_and_the_source_has_nothing_of_it(
        string from, string to, bool peerToPeer)
    {
        var (before, there) = (Files(from), Files(to));
        await using var fleet = await JournaledAsync();
        var (vm, hash) = await StartAsync(fleet, from);
        List<MigrationProgress> told = [];

        // Not faster than this: the copying is asked for how far it is each 0.6 s.
        var moved = await MoveAsync(fleet, vm, to, peerToPeer, 16 * MiB, new Listener(told.Add));

        Assert.Equal(to, moved.VMHost);
        await Lab.CountsOnAsync(to, VM);
        Assert.DoesNotContain("BOOT", Lab.Printed(to, VM), StringComparison.Ordinal);
        Assert.Equal(before, Files(from));
        Assert.Equal(there.Concat([Raw, Grown]).Order(StringComparer.Ordinal), Files(to));
        Assert.Equal(hash, HashOf(to));
        Assert.Contains(told, one => one.BytesTotal >= 48 * MiB);
        var disks = await VMDisks.ReadAsync(moved, CancellationToken.None);
        Assert.Equal(
            [("raw", 48 * MiB), ("qcow2", 64 * MiB)],
            disks.Where(disk => !disk.IsReadOnly).Select(disk => (disk.Format, disk.CapacityBytes!.Value)));
        Assert.Empty(await PendingAsync());

        // Its definition there has them too.
        await VMActions.StopAsync(moved, turnOff: true, TimeSpan.Zero, TimeProvider.System, CancellationToken.None);
        await VMActions.RemoveAsync(moved, turnOff: false, removeVolumes: true, CancellationToken.None);
        Assert.Equal(there, Files(to));
    }

    [Theory]
    [MemberData(nameof(Ends))]
    public async Task Ended_midway_the_VM_runs_at_the_source_with_its_disks_and_the_target_has_nothing(double ratio, string how)
    {
        const string from = "k1";
        const string to = "k2";
        var there = Files(to);
        using var stop = new CancellationTokenSource();
        Task hurt = Task.CompletedTask;
        await using (var fleet = await JournaledAsync())
        {
            var (vm, hash) = await StartAsync(fleet, from);
            var isDone = false;
            var move = MoveAsync(
                fleet, vm, to, peerToPeer: false, 16 * MiB, new Listener(value =>
                {
                    if (!isDone && value.Ratio >= ratio)
                    {
                        isDone = true;
                        hurt = how is "cancel" ? stop.CancelAsync() : Lab.HurtAsync(how, to);
                    }
                }),
                stop.Token);

            var failure = await Assert.ThrowsAnyAsync<Exception>(() => move);
            await hurt;
            Assert.True(isDone, failure.ToString());
            Assert.Equal(how is "cancel", failure is OperationCanceledException);
            Assert.Equal(PowerState.Running, await StateAsync(from, VM));
            await Lab.CountsOnAsync(from, VM);
            Assert.Equal(hash, HashOf(from));
        }

        if (how is not "cancel")
        {
            await Lab.MakeWellAsync(to);
            await using var fleet = await JournaledAsync();
            Assert.True((await RepairAsync(fleet)).IsRepaired);
        }

        Assert.Empty(await PendingAsync());
        Assert.Equal(there, Files(to));
        await RemoveAllVMsAsync(removeVolumes: true);
    }

    [Fact]
    public async Task Without_certificates_it_is_refused_before_anything_goes_over_the_network_and_nothing_is_left()
    {
        var there = Files("k2");
        await using var fleet = await JournaledAsync();
        var (vm, _) = await StartAsync(fleet, "k1");
        var failure = await Assert.ThrowsAsync<HypervisorException>(() => new StorageMigration(
            vm, fleet.Find("k2")!, new MigrationOptions(), keepSource: false, TimeProvider.System).RunAsync(null, CancellationToken.None));
        Assert.Contains("-AllowUnencrypted", failure.RecommendedAction, StringComparison.Ordinal);
        Assert.Equal(there, Files("k2"));
        await Lab.CountsOnAsync("k1", VM);
        await RemoveAllVMsAsync(removeVolumes: true);
    }

    [Fact]
    public async Task What_is_at_the_target_already_stays_and_a_move_to_another_pool_goes_past_it()
    {
        await using var fleet = await JournaledAsync();
        var (vm, hash) = await StartAsync(fleet, "k1");
        await Lab.ExecuteAsync("k2", "sh", "-c", $"echo precious > {Lab.HostImages}/{Raw}");
        var failure = await Assert.ThrowsAsync<HypervisorException>(() => MoveAsync(fleet, vm, "k2", peerToPeer: false));
        Assert.Contains("is on k2 already", failure.Message, StringComparison.Ordinal);
        Assert.Equal("precious\n", await Lab.ExecuteAsync("k2", "cat", $"{Lab.HostImages}/{Raw}"));

        await Lab.ExecuteAsync("k2", "mkdir", "-p", $"{Lab.HostImages}/fast");
        var pool = await HostPools.CreateAsync(
            fleet.Find("k2")!, new PoolSpec { Name = "fast", Path = $"{Lab.HostImages}/fast" }, CancellationToken.None);
        var moved = await MoveAsync(fleet, vm, "k2", peerToPeer: true, pool: "fast");
        await Lab.CountsOnAsync("k2", VM);
        Assert.Equal(hash, HashOf("k2", $"fast/{Raw}"));
        await VMActions.RemoveAsync(moved, turnOff: true, removeVolumes: true, CancellationToken.None);
        await HostPools.RemoveAsync(pool, CancellationToken.None);
        await Lab.ExecuteAsync("k2", "rm", "-r", $"{Lab.HostImages}/fast", $"{Lab.HostImages}/{Raw}");
    }

    protected override async ValueTask EndAsync()
    {
        if (_journal is not null)
        {
            await _journal.DisposeAsync();
        }

        _folder.Delete(recursive: true);
        foreach (var host in Lab.Hosts)
        {
            // What a test that has failed has left is not in the way of the next one.
            foreach (var path in ((string[])[Raw, Grown]).Select(file => Path.Combine(host.Images, file)).Where(File.Exists))
            {
                File.Delete(path);
                await Lab.ExecuteAsync(host.Name, "virsh", "-q", "pool-refresh", "default");
            }
        }
    }

    private static async Task<KumoiVM> FindAsync(Fleet fleet, string host) => new(
        fleet.Find(host)!, (await fleet.Find(host)!.Link.SendAsync(new FindVMByName(VM), CancellationToken.None))!);

    /// <summary>A VM that counts, with a disk of noise and holes, and an empty one that takes up space as it is written to.</summary>
    private async Task<(KumoiVM VM, string Hash)> StartAsync(Fleet fleet, string host)
    {
        var path = Path.Combine(_folder.FullName, "noise");
        await using (var file = File.Create(path))
        {
            var noise = RandomNumberGenerator.GetBytes((int)(40 * MiB));
            await file.WriteAsync(noise);
            file.SetLength(48 * MiB);
        }

        var at = fleet.Find(host)!;
        await HostStorage.ImportVolumeAsync(at, "default", Raw, path, null, CancellationToken.None);
        await HostStorage.CreateVolumeAsync(at, "default", Grown, "qcow2", 64 * MiB, CancellationToken.None);
        var xml = (await Lab.XmlAsync(VM, "idle")).Replace(
            "<devices>",
            $"<devices><disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{Lab.HostImages}/{Raw}'/>"
                + "<target dev='vda' bus='virtio'/></disk><disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"
                + $"<source file='{Lab.HostImages}/{Grown}'/><target dev='vdb' bus='virtio'/></disk>",
            StringComparison.Ordinal).Replace("hvm</type>", "hvm</type><boot dev='fd'/>", StringComparison.Ordinal);
        await CreateXmlAsync(Host(host), xml);
        await Lab.CountsOnAsync(host, VM);
        return (await FindAsync(fleet, host), HashOf(host));
    }

    private Task<KumoiVM> MoveAsync(
        Fleet fleet, KumoiVM vm, string to, bool peerToPeer, long? bytesPerSecond = null, IProgress<MigrationProgress>? progress = null,
        CancellationToken cancellationToken = default, string? pool = null) => new StorageMigration(
            vm, fleet.Find(to)!,
            new MigrationOptions
            {
                PeerToPeer = peerToPeer,
                TargetUri = Lab.Host(to).TcpUri,
                BandwidthBytesPerSecond = bytesPerSecond,
                AllowUnencrypted = true,
                TargetPool = pool,
                StallTimeout = TimeSpan.FromSeconds(20),
            },
            keepSource: false, TimeProvider.System).RunAsync(progress, cancellationToken);

    private async Task<Fleet> JournaledAsync()
    {
        var time = TimeProvider.System;
        var fleet = KumoiFleet.Create(
            [new LibvirtDriver(time)], new PollyCallPolicyFactory(), new FaultPlan(new Random(1), time), time, () => Journal);
        await ConnectAllAsync(fleet, UriOf);
        return fleet;
    }

    private async Task<RepairResult> RepairAsync(Fleet fleet) => await new OperationRepair(fleet, Journal, TimeProvider.System)
        .RepairAsync(Assert.Single(await PendingAsync()), isOwnerKnownDead: false, CancellationToken.None);

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

    private string HashOf(string host, string file = Raw)
    {
        using var image = File.OpenRead(Path.Combine(Lab.Host(host).Images, file));
        return Convert.ToHexString(SHA256.HashData(image));
    }

    private string[] Files(string host) =>
        [.. Directory.EnumerateFiles(Lab.Host(host).Images).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    /// <summary>Is told at once, by whoever migrates.</summary>
    private sealed class Listener(Action<MigrationProgress> action) : IProgress<MigrationProgress>
    {
        public void Report(MigrationProgress value) => action(value);
    }
}
