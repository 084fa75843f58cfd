using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Xunit;

namespace Kumoi.Tests.Lab;

/// <summary>Disks of VMs that become other images, and copies of volumes, on real hosts of both generations.</summary>
public sealed class DiskMoveTests(RealLab lab) : LabTest(lab)
{
    private const string Fast = "fast";
    private const long MiB = 1L << 20;

    private readonly CancellationToken _token = TestContext.Current.CancellationToken;

    public static TheoryData<string> Hosts => ["k1", "k2"];

    private string Place => $"{Lab.HostImages}-fast";

    [Theory]
    [MemberData(nameof(Hosts))]
    public async Task A_disk_goes_to_another_pool_while_its_VM_runs_and_while_it_is_off(string host)
    {
        var pool = await HostPools.CreateAsync(Host(host), new PoolSpec { Name = Fast, Path = Place }, _token);
        try
        {
            // Of one that is off: the copy has what the original has.
            var xml = (await Lab.XmlAsync("mover", "qcow2")).Replace("<readonly/>", "", StringComparison.Ordinal)
                .Replace("web.qcow2", "mover.qcow2", StringComparison.Ordinal);
            await Lab.ExecuteAsync(host, "cp", $"{Lab.HostImages}/web.qcow2", $"{Lab.HostImages}/mover.qcow2");
            var vm = await CreateXmlAsync(Host(host), xml, start: false);
            var volume = (await VolumesAsync(host, "default")).Single(static one => one.Name == "mover.qcow2");
            Assert.NotNull(volume.ModifiedAt);
            await CopyAsync(host, "mover.qcow2", "off.qcow2");
            await Lab.ExecuteAsync(host, "touch", $"{Lab.HostImages}/mover.qcow2"); // somebody has written to it meanwhile
            var call = new SwitchDisk(vm.Id, "vda", $"{Lab.HostImages}/mover.qcow2", $"{Place}/off.qcow2", "qcow2")
            {
                ModifiedAt = volume.ModifiedAt,
            };
            Assert.Equal(
                HypervisorError.InvalidState,
                (await Assert.ThrowsAsync<HypervisorException>(() => SendAsync(host, call))).Error);
            Assert.Equal(call.Path, await ImageAsync(vm));
            volume = (await VolumesAsync(host, "default")).Single(static one => one.Name == "mover.qcow2");
            await SendAsync(host, call with { ModifiedAt = volume.ModifiedAt });
            Assert.Equal(call.NewPath, await ImageAsync(vm));
            vm = await VMActions.StartAsync(vm, paused: false, _token);
            await Lab.CountsOnAsync(host, "mover");

            // Live, there and back; the guest goes on, and from its next start on too.
            await SendAsync(host, new CreateVolume(Fast, "live.qcow2", "qcow2", volume.CapacityBytes));
            await SendAsync(host, call with { Path = call.NewPath, NewPath = $"{Place}/live.qcow2" });
            await Lab.CountsOnAsync(host, "mover");
            Assert.Equal($"{Place}/live.qcow2", await ImageAsync(vm));
            var definition = DomainDefinition.Parse(await Host(host).Link.SendAsync(new ReadDefinition(vm.Id), _token));
            Assert.Equal($"{Place}/live.qcow2", DomainCopy.ImageOf(DiskDefinition.Find(definition, "vda")!));
            Assert.Equal(
                HypervisorError.InvalidState,
                (await Assert.ThrowsAsync<HypervisorException>(() => CopyAsync(host, "live.qcow2", "torn", Fast))).Error);
            await VMActions.StopAsync(vm, turnOff: true, TimeSpan.Zero, TimeProvider.System, _token);
            await VMActions.StartAsync(vm, paused: false, _token);
            await Lab.CountsOnAsync(host, "mover");
            await VMActions.RemoveAsync(vm, turnOff: true, removeVolumes: true, _token);
        }
        finally
        {
            await RemoveAllVMsAsync();
            await HostPools.RemoveAsync(pool, _token);
            await Lab.ExecuteAsync(host, "rm", "-rf", Place, $"{Lab.HostImages}/mover.qcow2");
        }
    }

    [Theory]
    [MemberData(nameof(Hosts))]
    public async Task Cancelled_or_left_by_its_caller_the_VM_has_the_disk_that_it_had(string host)
    {
        var vm = await CreateXmlAsync(
            Host(host),
            (await Lab.XmlAsync("tick", "idle")).Replace("</os>", "</os><features><acpi/></features>", StringComparison.Ordinal));
        var disk = await VMDisks.AddAsync(vm, new DiskAddition { NewVolumeBytes = 64 * MiB, Format = "raw" }, _token);
        await SendAsync(host, new CreateVolume("default", "slow", "raw", 64 * MiB));
        using var cancellation = CancellationTokenSource.CreateLinkedTokenSource(_token);
        var call = new SwitchDisk(vm.Id, disk.Target, disk.Path!, $"{Lab.HostImages}/slow", "raw")
        {
            Progress = new Listener(_ => cancellation.Cancel()),
        };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Host(host).Link.SendAsync(call, cancellation.Token).AsTask());
        Assert.Equal(disk.Path, await ImageAsync(vm, disk.Target));
        Assert.Empty((await Lab.ExecuteAsync(host, "virsh", "-q", "blockjob", "tick", disk.Target, "--raw")).Trim());

        // Whoever copied there is gone: libvirt goes on until somebody ends it. A copying to elsewhere is not ours.
        await Lab.ExecuteAsync(
            host, "virsh", "-q", "blockcopy", "tick", disk.Target, $"{Lab.HostImages}/slow", "--reuse-external", "--transient-job",
            "--format", "raw");
        await SendAsync(host, new AbandonDiskCopy(vm.Id, disk.Target, $"{Lab.HostImages}/other"));
        Assert.NotEmpty((await Lab.ExecuteAsync(host, "virsh", "-q", "blockjob", "tick", disk.Target, "--raw")).Trim());
        await SendAsync(host, new AbandonDiskCopy(vm.Id, disk.Target, $"{Lab.HostImages}/slow"));
        await SendAsync(host, new AbandonDiskCopy(vm.Id, disk.Target, $"{Lab.HostImages}/slow"));
        Assert.Empty((await Lab.ExecuteAsync(host, "virsh", "-q", "blockjob", "tick", disk.Target, "--raw")).Trim());
        Assert.Equal(disk.Path, await ImageAsync(vm, disk.Target));
        await Lab.CountsOnAsync(host, "tick");
        await VMActions.RemoveAsync(vm, turnOff: true, removeVolumes: true, _token);
        await SendAsync(host, new RemoveVolume("default", "slow"));
    }

    private async Task<string?> ImageAsync(KumoiVM vm, string target = "vda") =>
        (await VMDisks.ReadAsync(vm, _token)).Single(disk => disk.Target == target).Path;

    private async Task<IReadOnlyList<VolumeReading>> VolumesAsync(string host, string pool) =>
        await Host(host).Link.SendAsync(new ReadVolumes(pool), _token);

    private async Task CopyAsync(string host, string name, string copy, string pool = "default") =>
        await SendAsync(host, new CopyVolume(pool, name, Fast, copy) { SourceFormat = "qcow2" });

    private Task<T> SendAsync<T>(string host, HostCall<T> call) => Host(host).Link.SendAsync(call, _token).AsTask();

    private sealed class Listener(Action<CopyProgress> action) : IProgress<CopyProgress>
    {
        public void Report(CopyProgress value) => action(value);
    }
}
