using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Xunit;

namespace Kumoi.Tests.Lab;

/// <summary>Clones of VMs whose disks are volumes of a real storage pool.</summary>
public sealed class CloneTests(RealLab lab) : LabTest(lab)
{
    private const string HostName = "k1";
    private const long MiB = 1L << 20;

    private KumoiConnection Host1 => Host(HostName);

    [Fact]
    public async Task Clones_boot_from_copies_of_their_masters_disk_and_run_side_by_side()
    {
        var master = await DefineMasterAsync();
        var operation = OperationId.New();
        var first = await CloneAsync(master, "first", start: true);
        var second = await CloneAsync(master, "second", start: true, operation);
        await VMActions.StartAsync(master, paused: false, CancellationToken.None);

        foreach (var vm in (string[])["master", "first", "second"])
        {
            await Lab.CountsOnAsync(HostName, vm); // with one image, only one would have got the lock on it
        }

        Assert.Equal(["first-1", "second-1"], Images("first-*", "second-*"));
        Assert.Equal((PowerState.Running, PowerState.Running), (first.State, second.State));

        await VMActions.RemoveAsync(first, turnOff: true, removeVolumes: true, CancellationToken.None);
        Assert.Equal(["second-1"], Images("first-*", "second-*"));
        Assert.True(await VMActions.RemoveCreatedAsync(Host1, operation));
        Assert.Empty(Images("first-*", "second-*"));
        await Lab.CountsOnAsync(HostName, "master");
    }

    [Fact]
    public async Task Of_a_running_master_or_on_another_host_no_copy_is_made()
    {
        var master = await DefineMasterAsync();
        await FailsAsync(HypervisorError.InvalidSpecification, () => VMActions.CloneAsync(
            master, Host("k2"), "clone", start: false, change: null, OperationId.New(), CancellationToken.None));

        await VMActions.StartAsync(master, paused: false, CancellationToken.None);
        await FailsAsync(HypervisorError.InvalidState, () => CloneAsync(master, "clone", start: false));

        // Without disks of its own it is cloned as it is, to any host.
        var shared = await CreateAsync(Host1, "shared", "idle");
        var clone = await VMActions.CloneAsync(
            shared, Host("k2"), "clone", start: true, change: null, OperationId.New(), CancellationToken.None);
        await Lab.CountsOnAsync("k2", clone.Name);
    }

    [Fact]
    public async Task Cancelled_while_a_disk_is_copied_it_leaves_nothing()
    {
        var spec = new VMSpec { Name = "big", MemoryBytes = 64 * MiB, Disks = [new DiskSpec { NewVolumeBytes = 256 * MiB }] };
        var master = await VMActions.CreateAsync(Host1, spec, start: false, keepFailed: false, OperationId.New(), CancellationToken.None);
        Fill(Path.Combine(Lab.Host(HostName).Images, "big-1"), 256 * MiB);
        using var cancellation = new CancellationTokenSource();

        var cloning = CloneAsync(master, "clone", start: true, cancellationToken: cancellation.Token);
        await Eventually.HoldsAsync(() => Images("clone-*").Length > 0, "the copy has begun");
        await cancellation.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cloning);
        Assert.Null(await StateAsync(HostName, "clone"));
        Assert.Empty(Images("clone-*"));
        await VMActions.RemoveAsync(master, turnOff: false, removeVolumes: true, CancellationToken.None);
    }

    [Fact]
    public async Task How_busy_a_VM_was_is_told_from_the_second_reading_on()
    {
        var vm = await CreateAsync(Host1, "busy", "hot");
        Assert.Equal(double.NaN, vm.CpuRatio);
        await Eventually.HoldsAsync(
            async () => (await Host1.Link.SendAsync(new FindVM(vm.Id), CancellationToken.None))!.CpuRatio is > 0 and <= 1, "it is busy");
        await VMActions.SuspendAsync(vm, CancellationToken.None);
        Assert.Equal(0, (await VMsAsync(HostName)).Single(found => found.Id == vm.Id).CpuRatio);
    }

    private static void Fill(string path, long bytes)
    {
        var content = new byte[MiB];
        new Random(7).NextBytes(content); // zeros would not be copied
        using var file = File.OpenWrite(path);
        for (long written = 0; written < bytes; written += content.Length)
        {
            file.Write(content);
        }
    }

    private async Task<KumoiVM> DefineMasterAsync()
    {
        var xml = (await Lab.XmlAsync("master", "qcow2")).Replace("<readonly/>", "", StringComparison.Ordinal);
        return await VMActions.CreateAsync(
            Host1, new VMSpec { Xml = xml }, start: false, keepFailed: false, OperationId.New(), CancellationToken.None);
    }

    private Task<KumoiVM> CloneAsync(
        KumoiVM master, string name, bool start, OperationId? operation = null, CancellationToken cancellationToken = default) =>
        VMActions.CloneAsync(master, Host1, name, start, change: null, operation ?? OperationId.New(), cancellationToken);

    private async Task FailsAsync(HypervisorError error, Func<Task> call)
    {
        var failure = await Assert.ThrowsAsync<HypervisorException>(call);
        Assert.Equal((error, FaultDomain.VM), (failure.Error, failure.FaultDomain));
        Assert.Null(await StateAsync(HostName, "clone"));
        Assert.Empty(Images("clone-*"));
    }

    private string[] Images(params string[] patterns) =>
    [
        .. patterns.SelectMany(pattern => Directory.EnumerateFiles(Lab.Host(HostName).Images, pattern))
            .Select(path => Path.GetFileName(path))
            .Order(StringComparer.Ordinal),
    ];
}
