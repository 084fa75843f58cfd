using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Xunit;

namespace Kumoi.Tests.Lab;

/// <summary>Snapshots of real guests, on hosts of both generations.</summary>
public sealed class SnapshotTests(RealLab lab) : LabTest(lab)
{
    public static TheoryData<string> Hosts => ["k1", "k2"];

    /// <summary>The tick guest has no disk that it writes to: its memory is in a file of its own.</summary>
    [Theory]
    [MemberData(nameof(Hosts))]
    public async Task A_guest_without_disks_goes_back_to_its_memory_and_counts_on_from_there(string host)
    {
        var vm = await CreateAsync(Host(host), "tick", "idle");
        await Lab.CountsOnAsync(host, "tick", 5);
        var before = Files(host);
        var first = await CheckpointAsync(vm, "first", withMemory: true);
        Assert.Equal((SnapshotKind.External, PowerState.Running, true), (first.Kind, first.State, first.IsCurrent));
        await Lab.CountsOnAsync(host, "tick", Lab.Counter(host, "tick")!.Value + 5); // the guest went on
        var second = await CheckpointAsync(vm, "second", withMemory: true);
        Assert.Equal("first", second.Parent);
        await Lab.CountsOnAsync(host, "tick", Lab.Counter(host, "tick")!.Value + 5);

        var far = Lab.Counter(host, "tick")!.Value;
        for (var round = 0; round < 2; round++) // also of one that is the current one already
        {
            var printed = Lab.Counters(host, "tick").Count;
            Assert.Equal(PowerState.Running, (await VMSnapshots.RestoreAsync(first, CancellationToken.None)).State);
            await Eventually.HoldsAsync(() => Lab.Counters(host, "tick").Count > printed + 3, "it counts on");
            var after = Lab.Counters(host, "tick").SkipWhile((value, i) => i == 0 || value > Lab.Counters(host, "tick")[i - 1]).ToList();
            Assert.True(after[0] < far, $"back from {far} to {after[0]}");
        }

        // It booted once.
        Assert.Equal(1, Lab.Printed(host, "tick")!.Split("BOOT").Length - 1);
        var tree = await VMSnapshots.ReadAsync(vm, CancellationToken.None);
        Assert.Equal([("first", 0, true), ("second", 1, false)], tree.Select(one => (one.Name, one.Depth, one.IsCurrent)));

        await VMSnapshots.RemoveAsync(tree[0], includeChildren: true, progress: null, CancellationToken.None);
        Assert.Empty(await VMSnapshots.ReadAsync(vm, CancellationToken.None));
        Assert.Equal(before, Files(host));
        await Lab.CountsOnAsync(host, "tick");
    }

    [Theory]
    [MemberData(nameof(Hosts))]
    public async Task A_VM_with_a_qcow2_disk_keeps_its_snapshots_within_it_and_goes_back_off_or_running(string host)
    {
        var vm = await CreateDiskAsync(host, "disk");
        try
        {
            var files = Files(host);
            var off = await CheckpointAsync(vm, "off", withMemory: false);
            await VMActions.StartAsync(vm, paused: false, CancellationToken.None);
            await Lab.CountsOnAsync(host, "disk", 5);
            var on = await CheckpointAsync(vm, "on", withMemory: true);
            Assert.Equal((SnapshotKind.Internal, SnapshotKind.Internal), (off.Kind, on.Kind));
            Assert.Equal(files, Files(host));
            await Lab.CountsOnAsync(host, "disk", Lab.Counter(host, "disk")!.Value + 10);

            Assert.Equal(PowerState.Shutoff, (await VMSnapshots.RestoreAsync(off, CancellationToken.None)).State);
            var printed = Lab.Counters(host, "disk");
            Assert.Equal(PowerState.Running, (await VMSnapshots.RestoreAsync(on, CancellationToken.None)).State);
            await Eventually.HoldsAsync(() => Lab.Counters(host, "disk").Count > printed.Count, "it counts on");
            Assert.True(Lab.Counters(host, "disk")[printed.Count] < printed[^1]);

            var refusal = await Assert.ThrowsAsync<HypervisorException>(
                () => VMSnapshots.RenameAsync(on, "other", CancellationToken.None));
            Assert.Equal(HypervisorError.NotSupported, refusal.Error);
            await VMSnapshots.RemoveAsync(off, includeChildren: true, progress: null, CancellationToken.None);
            Assert.Empty(await VMSnapshots.ReadAsync(vm, CancellationToken.None));
        }
        finally
        {
            await VMActions.RemoveAsync(vm, turnOff: true, removeVolumes: true, CancellationToken.None);
        }
    }

    [Theory]
    [MemberData(nameof(Hosts))]
    public async Task A_snapshot_of_the_disks_of_a_VM_that_runs_is_restored_renamed_and_merged(string host)
    {
        var before = Files(host);
        var vm = await CreateDiskAsync(host, "disk");
        await VMActions.StartAsync(vm, paused: false, CancellationToken.None);
        await Lab.CountsOnAsync(host, "disk", 3);
        var first = await CheckpointAsync(vm, "a <&> ä", withMemory: false);
        Assert.Equal((SnapshotKind.External, false), (first.Kind, first.HasMemory));
        var second = await CheckpointAsync(vm, "second", withMemory: false);
        first = await VMSnapshots.RenameAsync(first, "first", CancellationToken.None);
        Assert.Equal(
            [("first", null), ("second", "first")],
            (await VMSnapshots.ReadAsync(vm, CancellationToken.None)).Select(one => (one.Name, one.Parent)));

        // A restore leaves it off; what was written since has gone, and the snapshot is there still.
        Assert.Equal(PowerState.Shutoff, (await VMSnapshots.RestoreAsync(first, CancellationToken.None)).State);
        await VMActions.StartAsync(vm, paused: false, CancellationToken.None);
        await Lab.CountsOnAsync(host, "disk");
        var third = await CheckpointAsync(vm, "third", withMemory: false);
        Assert.Equal("first", third.Parent);

        // What is in nobody's way goes; what others need is refused.
        var refusal = await Assert.ThrowsAsync<HypervisorException>(() => RemoveAsync(first));
        Assert.Equal((HypervisorError.InvalidState, FaultDomain.VM), (refusal.Error, refusal.FaultDomain));
        await RemoveAsync(second);
        var merged = 0;
        await VMSnapshots.RemoveAsync(third, includeChildren: false, (_, _) => merged++, CancellationToken.None);
        Assert.True(merged > 0);
        await RemoveAsync(first);
        Assert.Empty(await VMSnapshots.ReadAsync(vm, CancellationToken.None));
        await Lab.CountsOnAsync(host, "disk");

        await VMActions.RemoveAsync(vm, turnOff: true, removeVolumes: true, CancellationToken.None);
        Assert.Equal(before, Files(host));
    }

    [Theory]
    [MemberData(nameof(Hosts))]
    public async Task A_VM_that_is_removed_with_its_disks_leaves_no_file_of_its_snapshots(string host)
    {
        var before = Files(host);
        var vm = await CreateDiskAsync(host, "disk");
        await VMActions.StartAsync(vm, paused: false, CancellationToken.None);
        await CheckpointAsync(vm, "one", withMemory: false);
        await CheckpointAsync(vm, "two", withMemory: false);

        var move = await Assert.ThrowsAsync<HypervisorException>(
            () => VMActions.MoveAsync(
                vm, Host(host == "k1" ? "k3" : "k4"), new MigrationOptions { AllowUnsafe = true }, null, CancellationToken.None));
        Assert.Contains("snapshot", move.Message, StringComparison.Ordinal);

        // A clone has what is on the disks now, and no snapshots.
        await VMActions.StopAsync(vm, turnOff: true, TimeSpan.Zero, TimeProvider.System, CancellationToken.None);
        var clone = await VMActions.CloneAsync(
            vm, Host(host), "clone", start: true, change: null, OperationId.New(), CancellationToken.None);
        await Lab.CountsOnAsync(host, "clone");
        Assert.Empty(await VMSnapshots.ReadAsync(clone, CancellationToken.None));
        await VMActions.RemoveAsync(clone, turnOff: true, removeVolumes: true, CancellationToken.None);

        await VMActions.RemoveAsync(vm, turnOff: true, removeVolumes: true, CancellationToken.None);
        Assert.Equal(before, Files(host));
    }

    /// <summary>From the first block that is merged there is no way back to it, and that is told.</summary>
    [Theory]
    [MemberData(nameof(Hosts))]
    public async Task A_merge_that_is_stopped_leaves_the_VM_running_and_goes_on_when_it_is_removed_again(string host)
    {
        var before = Files(host);
        var vm = await CreateDiskAsync(host, "disk");
        var images = Lab.HostImages;
        await Lab.ExecuteAsync(host, "qemu-img", "resize", "-q", $"{images}/disk.qcow2", "400M");
        await VMActions.StartAsync(vm, paused: false, CancellationToken.None);
        var snapshot = await CheckpointAsync(vm, "big", withMemory: false);
        await VMActions.StopAsync(vm, turnOff: true, TimeSpan.Zero, TimeProvider.System, CancellationToken.None);
        var overlay = Files(host).Single(name => name.Contains(".kumoi-", StringComparison.Ordinal));
        await Lab.ExecuteAsync(host, "qemu-io", "-c", "write -q 8M 300M", $"{images}/{overlay}");
        await VMActions.StartAsync(vm, paused: false, CancellationToken.None);

        using var stop = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => VMSnapshots.RemoveAsync(snapshot, includeChildren: false, (_, _) => stop.Cancel(), stop.Token));
        await Lab.CountsOnAsync(host, "disk");
        var left = (await VMSnapshots.ReadAsync(vm, CancellationToken.None)).Single();
        Assert.True(left.IsHalfRemoved);
        await RefusedAsync(HypervisorError.InvalidState, () => VMSnapshots.RestoreAsync(snapshot, CancellationToken.None));

        await RemoveAsync(left);
        Assert.Empty(await VMSnapshots.ReadAsync(vm, CancellationToken.None));
        await Lab.CountsOnAsync(host, "disk");
        await VMActions.RemoveAsync(vm, turnOff: true, removeVolumes: true, CancellationToken.None);
        Assert.Equal(before, Files(host));
    }

    /// <summary>Its end would not be ours: to pivot a copy moves the VM to where that goes.</summary>
    [Theory]
    [MemberData(nameof(Hosts))]
    public async Task A_disk_on_which_another_job_works_is_not_merged_and_the_way_back_stays(string host)
    {
        var before = Files(host);
        var vm = await CreateDiskAsync(host, "disk");
        await VMActions.StartAsync(vm, paused: false, CancellationToken.None);
        var snapshot = await CheckpointAsync(vm, "one", withMemory: false);
        var disk = (await VMDisks.ReadAsync(vm, CancellationToken.None)).Single(static one => !one.IsReadOnly);
        var copy = $"{Lab.HostImages}/copy.qcow2";
        await Lab.ExecuteAsync(host, "virsh", "-q", "blockcopy", "disk", disk.Target, copy, "--format", "qcow2", "--transient-job");

        await RefusedAsync(HypervisorError.InvalidState, () => RemoveAsync(snapshot));
        Assert.False((await VMSnapshots.ReadAsync(vm, CancellationToken.None)).Single().IsHalfRemoved);
        Assert.Equal(disk.Path, (await VMDisks.ReadAsync(vm, CancellationToken.None)).Single(static one => !one.IsReadOnly).Path);

        await Lab.ExecuteAsync(host, "virsh", "-q", "blockjob", "disk", disk.Target, "--abort");
        await RemoveAsync(snapshot);
        await VMActions.RemoveAsync(vm, turnOff: true, removeVolumes: true, CancellationToken.None);
        await Lab.ExecuteAsync(host, "rm", "-f", copy);
        Assert.Equal(before, Files(host));
    }

    [Theory]
    [MemberData(nameof(Hosts))]
    public async Task Making_one_that_is_cancelled_leaves_a_whole_one_or_nothing(string host)
    {
        var before = Files(host);
        var vm = await CreateAsync(Host(host), "tick", "vhot");
        await Lab.CountsOnAsync(host, "tick");
        using var cancelling = new CancellationTokenSource();
        var making = VMSnapshots.CreateAsync(vm, "one", "", withMemory: true, quiesce: false, OperationId.New(), cancelling.Token);
        await Eventually.HoldsAsync(() => making.IsCompleted || Files(host).Length > before.Length, "it is being made");
        await cancelling.CancelAsync();
        var isStopped = await Record.ExceptionAsync(() => making) is OperationCanceledException;

        var left = await VMSnapshots.ReadAsync(vm, CancellationToken.None);
        Assert.Equal(isStopped ? 0 : 1, left.Count);
        foreach (var whole in left)
        {
            Assert.Equal(PowerState.Running, (await VMSnapshots.RestoreAsync(whole, CancellationToken.None)).State);
            await RemoveAsync(whole);
        }

        await Lab.CountsOnAsync(host, "tick");
        Assert.Equal(before, Files(host));
    }

    [Theory]
    [MemberData(nameof(Hosts))]
    public async Task What_the_host_knows_of_one_is_what_it_knows_of_one_that_virsh_makes(string host)
    {
        var vm = await CreateDiskAsync(host, "disk");
        await VMActions.StartAsync(vm, paused: false, CancellationToken.None);
        await Lab.ExecuteAsync(host, "virsh", "-q", "snapshot-create-as", "disk", "virsh", "within");
        await VMSnapshots.CreateAsync(vm, "kumoi", "within", withMemory: true, quiesce: false, OperationId.New(), CancellationToken.None);
        Assert.Equal(await ToldAsync("virsh"), await ToldAsync("kumoi"));
        await VMActions.RemoveAsync(vm, turnOff: true, removeVolumes: true, CancellationToken.None);

        async Task<string> ToldAsync(string name)
        {
            var xml = System.Xml.Linq.XElement.Parse(await Lab.ExecuteAsync(host, "virsh", "-q", "snapshot-dumpxml", "disk", name));
            foreach (var part in (string[])["name", "parent", "creationTime", "cookie"])
            {
                xml.Element(part)?.Remove();
            }

            return xml.ToString();
        }
    }

    [Theory]
    [MemberData(nameof(Hosts))]
    public async Task What_cannot_be_kept_is_one_clear_error_and_leaves_nothing(string host)
    {
        var before = Files(host);
        var vm = await CreateAsync(Host(host), "tick", "idle");
        await RefusedAsync(HypervisorError.NotSupported, () => CheckpointAsync(vm, "disks", withMemory: false)); // it has none
        await RefusedAsync(HypervisorError.InvalidSpecification, () => CheckpointAsync(vm, "a/b", withMemory: true));
        await RefusedAsync(HypervisorError.InvalidSpecification, () => CheckpointAsync(vm, new string('x', 300), withMemory: true));
        var kept = await CheckpointAsync(vm, "kept", withMemory: true);
        await RefusedAsync(HypervisorError.SnapshotExists, () => CheckpointAsync(vm, "kept", withMemory: true));

        // Its memory is lost: it is known before the VM is turned off.
        var memory = Files(host).Except(before).Single();
        File.Move(Path.Combine(Lab.Host(host).Images, memory), Path.Combine(Lab.Host(host).Images, "elsewhere"));
        await Assert.ThrowsAsync<HypervisorException>(() => VMSnapshots.RestoreAsync(kept, CancellationToken.None));
        await Lab.CountsOnAsync(host, "tick");
        File.Move(Path.Combine(Lab.Host(host).Images, "elsewhere"), Path.Combine(Lab.Host(host).Images, memory));
        await RemoveAsync(kept);
        await RefusedAsync(HypervisorError.SnapshotNotFound, () => VMSnapshots.RestoreAsync(kept, CancellationToken.None));
        Assert.Equal(before, Files(host));
    }

    private static Task RemoveAsync(KumoiSnapshot snapshot) =>
        VMSnapshots.RemoveAsync(snapshot, includeChildren: false, progress: null, CancellationToken.None);

    private static Task<KumoiSnapshot> CheckpointAsync(KumoiVM vm, string name, bool withMemory) =>
        VMSnapshots.CreateAsync(vm, name, "", withMemory, quiesce: false, OperationId.New(), CancellationToken.None);

    private static async Task RefusedAsync(HypervisorError error, Func<Task> call) =>
        Assert.Equal(error, (await Assert.ThrowsAsync<HypervisorException>(call)).Error);

    /// <summary>A guest that boots from an image of its own, in the host's pool.</summary>
    private async Task<KumoiVM> CreateDiskAsync(string host, string name)
    {
        var images = Lab.Host(host).Images;
        File.Copy(Path.Combine(images, "web.qcow2"), Path.Combine(images, name + ".qcow2"), overwrite: true);
        await Lab.ExecuteAsync(host, "virsh", "-q", "pool-refresh", "default");
        var xml = (await Lab.XmlAsync(name, "qcow2")).Replace("<readonly/>", "", StringComparison.Ordinal)
            .Replace("web.qcow2", name + ".qcow2", StringComparison.Ordinal);
        return await CreateXmlAsync(Host(host), xml, start: false);
    }

    private string[] Files(string host) =>
        [.. Directory.EnumerateFiles(Lab.Host(host).Images).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];
}
