using System.Xml.Linq;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Xunit;

namespace Kumoi.Tests.Lab;

/// <summary>Storage pools of real hosts of both generations.</summary>
public sealed class PoolTests(RealLab lab) : LabTest(lab)
{
    private const string Name = "fast";

    private readonly CancellationToken _token = TestContext.Current.CancellationToken;

    public static TheoryData<string> Hosts => ["k1", "k2"];

    private string Place => $"{Lab.HostImages}-fast";

    [Theory]
    [MemberData(nameof(Hosts))]
    public async Task A_pool_is_made_stopped_started_and_removed_and_what_is_in_it_stays(string host)
    {
        var pool = await HostPools.CreateAsync(Host(host), Spec(), _token);
        Assert.Equal((true, true, "dir", Place), (pool.IsActive, pool.IsAutostart, pool.Type, pool.Path));
        Assert.True(pool.FreeBytes > 0);
        Assert.Equal("running", (await VirshAsync(host, "pool-info", "State")));
        var volume = await HostStorage.CreateVolumeAsync(Host(host), Name, "data", "raw", 1 << 20, _token);

        pool = await HostPools.SetAutostartAsync(pool, isOn: false, _token);
        Assert.False(pool.IsAutostart);
        pool = await HostPools.StopAsync(await HostPools.StopAsync(pool, _token), _token);
        Assert.False(pool.IsActive);
        await RefusedAsync(HypervisorError.StorageFailed, () => HostStorage.ReadVolumesAsync(pool, _token));
        await RefusedAsync(HypervisorError.StorageFailed, () => HostPools.RefreshAsync(pool, _token));
        pool = await HostPools.StartAsync(await HostPools.StartAsync(pool, _token), _token);
        await Lab.ExecuteAsync(host, "truncate", "-s", "1M", $"{Place}/other");
        await HostPools.RefreshAsync(pool, _token);
        Assert.Equal(["data", "other"], (await HostStorage.ReadVolumesAsync(pool, _token)).Select(one => one.Name));

        await HostPools.RemoveAsync(pool, _token);
        await HostPools.RemoveAsync(pool, _token); // it is gone, as was wanted
        await RefusedAsync(HypervisorError.StorageFailed, () => HostPools.StartAsync(pool, _token));
        await Lab.ExecuteAsync(host, "test", "-s", volume.Path);
        await Lab.ExecuteAsync(host, "rm", "-r", Place);
    }

    [Theory]
    [MemberData(nameof(Hosts))]
    public async Task A_pool_whose_images_VMs_have_stays_and_one_that_runs_keeps_it_active(string host)
    {
        var pool = await HostPools.CreateAsync(Host(host), Spec(), _token);
        var vm = await CreateXmlAsync(
            Host(host),
            (await Lab.XmlAsync("tick", "idle")).Replace("</os>", "</os><features><acpi/></features>", StringComparison.Ordinal));
        var disk = await VMDisks.AddAsync(vm, new DiskAddition { NewVolumeBytes = 1 << 20, StoragePool = Name }, _token);
        await RefusedAsync(HypervisorError.InvalidState, () => HostPools.StopAsync(pool, _token));
        await VMActions.StopAsync(vm, turnOff: true, TimeSpan.Zero, TimeProvider.System, _token);
        await HostPools.StopAsync(pool, _token);
        await RefusedAsync(HypervisorError.InvalidState, () => HostPools.RemoveAsync(pool, _token));
        await HostPools.StartAsync(pool, _token);
        await VMDisks.RemoveAsync(disk, deleteVolume: true, _token);
        await HostPools.RemoveAsync(pool, _token);
        await Lab.ExecuteAsync(host, "rmdir", Place);
    }

    [Theory]
    [MemberData(nameof(Hosts))]
    public async Task What_cannot_be_made_is_one_clear_error_and_leaves_nothing(string host)
    {
        var before = await NamesAsync(host);
        await RefusedAsync(HypervisorError.StorageFailed, () => CreateAsync(Spec() with { Name = "default" }));
        await RefusedAsync(HypervisorError.StorageFailed, () => CreateAsync(Spec() with { Path = $"{Lab.HostImages}/../images/" }));
        await RefusedAsync(HypervisorError.InvalidSpecification, () => CreateAsync(Spec() with { Path = "images" }));
        await RefusedAsync(HypervisorError.InvalidSpecification, () => CreateAsync(Spec() with { Name = "../x" }));
        await RefusedAsync(HypervisorError.StorageFailed, () => CreateAsync(Spec() with { Path = "/dev/null" }));
        await RefusedAsync(HypervisorError.StorageFailed, () => CreateAsync(Group()));
        Assert.Equal(before, await NamesAsync(host));

        Task CreateAsync(PoolSpec spec) => HostPools.CreateAsync(Host(host), spec, _token);
    }

    [Theory]
    [MemberData(nameof(Hosts))]
    public async Task A_pool_that_is_only_defined_is_what_virsh_would_have_defined(string host)
    {
        // A volume group is not looked for before the pool is started; a server is not asked.
        var nfs = new PoolSpec
        {
            Name = "nfs",
            Kind = PoolKind.Nfs,
            Path = $"{Place}-nfs",
            SourceHost = "10.77.0.254",
            Source = "/srv/images",
            IsStarted = false,
            IsAutostart = false,
        };
        string[] server = ["netfs", "--source-host", "10.77.0.254", "--source-path", "/srv/images", "--target", $"{Place}-nfs"];
        await SameAsync(host, Spec() with { IsStarted = false, IsAutostart = false }, ["dir", "--target", Place]);
        await SameAsync(host, nfs, [.. server, "--source-format", "nfs"]);
        if ((await Lab.ExecuteAsync(host, "sh", "-c", "ls /usr/lib/*/libvirt/storage-backend")).Contains("logical", StringComparison.Ordinal))
        {
            await SameAsync(
                host, Group() with { IsStarted = false, IsAutostart = false },
                ["logical", "--source-name", "vg0", "--source-format", "lvm2"]);
        }

        await Lab.ExecuteAsync(host, "rmdir", Place, $"{Place}-nfs");
    }

    private static async Task RefusedAsync(HypervisorError error, Func<Task> call)
    {
        var refusal = await Assert.ThrowsAsync<HypervisorException>(call);
        Assert.Equal(error, refusal.Error);
        Assert.NotEmpty(refusal.RecommendedAction!);
    }

    private static PoolSpec Group() => new() { Name = "group", Kind = PoolKind.VolumeGroup, Source = "vg0" };

    private PoolSpec Spec() => new() { Name = Name, Path = Place };

    private async Task SameAsync(string host, PoolSpec spec, string[] virsh)
    {
        var pool = await HostPools.CreateAsync(Host(host), spec, _token);
        Assert.Equal((false, false), (pool.IsActive, pool.IsAutostart));
        var ours = await DefinitionAsync(host, spec.Name);
        await HostPools.RemoveAsync(pool, _token);
        await Lab.ExecuteAsync(host, ["virsh", "-q", "pool-define-as", spec.Name, .. virsh]);
        Assert.Equal(await DefinitionAsync(host, spec.Name), ours);
        await Lab.ExecuteAsync(host, "virsh", "-q", "pool-undefine", spec.Name);
    }

    private async Task<string> DefinitionAsync(string host, string pool)
    {
        var xml = XElement.Parse(await Lab.ExecuteAsync(host, "virsh", "-q", "pool-dumpxml", pool, "--inactive"));
        xml.Element("uuid")!.Remove();
        return xml.ToString();
    }

    private async Task<string[]> NamesAsync(string host) =>
        [.. (await HostStorage.ReadPoolsAsync(Host(host), _token)).Select(pool => pool.Name)];

    private async Task<string> VirshAsync(string host, string command, string line) =>
        (await Lab.ExecuteAsync(host, "virsh", "-q", command, Name)).Split('\n')
            .Single(one => one.StartsWith(line + ":", StringComparison.Ordinal)).Split(':')[1].Trim();
}
