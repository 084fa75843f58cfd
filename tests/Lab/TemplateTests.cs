using Kumoi.CloudInit;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Lineage;
using Xunit;

namespace Kumoi.Tests.Lab;

/// <summary>Templates and what is built on them, on real hosts of both generations.</summary>
public sealed class TemplateTests(RealLab lab) : LabTest(lab)
{
    private const string Small = "small";

    private readonly CancellationToken _token = TestContext.Current.CancellationToken;

    public static TheoryData<string> Hosts => ["k1", "k2"];

    private string SmallPlace => $"{Lab.HostImages}-small";

    [Theory]
    [MemberData(nameof(Hosts))]
    public async Task Linked_copies_run_side_by_side_and_what_they_are_built_on_stays_as_it_is(string host)
    {
        var before = Files(host);
        var master = await DefineMasterAsync(host);
        var template = await VMActions.MakeTemplateAsync(master, "golden", OperationId.New(), _token);
        await VMActions.StartAsync(master, paused: false, _token); // it goes its own way
        Assert.Equal(["master"], (await VMsAsync(host)).Select(static vm => vm.Name));
        Assert.Equal("golden", Assert.Single(await VMActions.ReadTemplatesAsync(Host(host), _token)).Name);
        await RefusedAsync(HypervisorError.InvalidState, () => VMActions.StartAsync(template.VM, paused: false, _token));
        await RefusedAsync(HypervisorError.InvalidState, () => VMActions.RemoveAsync(template.VM, turnOff: true, true, _token));

        var content = await File.ReadAllBytesAsync(PathOf(host, "golden-1"), _token);
        var seed = CloudInitSeed.Build(new CloudInitConfig { InstanceId = "i-1", HostName = "first" }, DateTimeOffset.UtcNow);
        var first = await VMActions.CreateFromTemplateAsync(
            Host(host), "golden", "first", new CopyOptions
            {
                Linked = true,
                Start = true,
                Seeds = [new DiskSpec { Content = seed, IsCd = true }],
            },
            OperationId.New(), _token);
        var operation = OperationId.New();
        var second = await VMActions.CloneAsync(
            template.VM, Host(host), "second", new CopyOptions { Linked = true, Start = true }, operation, _token);
        var full = await VMActions.CloneAsync(template.VM, Host(host), "full", new CopyOptions { Start = true }, OperationId.New(), _token);
        foreach (var vm in new[] { first, second, full })
        {
            await Lab.CountsOnAsync(host, vm.Name);
        }

        Assert.Contains(
            $"backing file: {Lab.HostImages}/golden-1",
            await Lab.ExecuteAsync(host, "qemu-img", "info", "-U", $"{Lab.HostImages}/first-1"), StringComparison.Ordinal);
        var disk = (await VMDisks.ReadAsync(second, _token)).Single(static one => one.Device is DiskDevice.Disk);
        Assert.Equal(("qcow2", false), (disk.Format, disk.IsReadOnly));
        Assert.Equal(seed, await File.ReadAllBytesAsync(Files(host, "first-seed-*").Single(), _token));

        // It stays as long as copies hang on it, and is as it was.
        var refusal = await RefusedAsync(HypervisorError.InvalidState, () => VMActions.RemoveTemplateAsync(template, true, _token));
        Assert.Contains("golden-1", refusal.Message, StringComparison.Ordinal);
        Assert.True(await VMActions.RemoveCreatedAsync(Host(host), operation));
        await VMActions.RemoveAsync(first, turnOff: true, removeVolumes: true, _token);
        await VMActions.RemoveAsync(full, turnOff: true, removeVolumes: true, _token);
        Assert.Equal(content, await File.ReadAllBytesAsync(PathOf(host, "golden-1"), _token));

        // Off, and even of another program, a copy counts.
        await Lab.ExecuteAsync(
            host, "virsh", "-q", "vol-create-as", "default", "foreign.qcow2", "1M", "--format", "qcow2", "--backing-vol", "golden-1",
            "--backing-vol-format", "qcow2");
        await RefusedAsync(HypervisorError.InvalidState, () => VMActions.RemoveTemplateAsync(template, false, _token));
        await Lab.ExecuteAsync(host, "virsh", "-q", "vol-delete", "foreign.qcow2", "default");
        await VMActions.RemoveTemplateAsync(template, true, _token);
        Assert.Empty(await VMActions.ReadTemplatesAsync(Host(host), _token));
        await RemoveAllVMsAsync();
        Assert.Equal(before, Files(host));
    }

    [Theory]
    [MemberData(nameof(Hosts))]
    public async Task Linked_copies_that_are_removed_side_by_side_leave_none_of_their_disks(string host)
    {
        var before = Files(host);
        var master = await DefineMasterAsync(host);
        var template = await VMActions.MakeTemplateAsync(master, "golden", OperationId.New(), _token);
        var copies = await Task.WhenAll(Enumerable.Range(1, 12).Select(i => VMActions.CreateFromTemplateAsync(
            Host(host), "golden", $"copy-{i}", new CopyOptions { Linked = true }, OperationId.New(), _token)));
        await Task.WhenAll(copies.Select(copy => VMActions.RemoveAsync(copy, turnOff: false, removeVolumes: true, _token)));
        Assert.Empty(Files(host, "copy-*"));

        await VMActions.RemoveTemplateAsync(template, true, _token);
        await RemoveAllVMsAsync();
        Assert.Equal(before, Files(host));
    }

    [Fact]
    public async Task Ten_on_four_hosts_one_of_which_has_no_room_any_more()
    {
        string[] names = ["k1", "k2", "k3", "k4"];
        try
        {
            foreach (var name in names)
            {
                await Lab.ExecuteAsync(name, "mkdir", "-p", SmallPlace);
                await Lab.ExecuteAsync(name, "mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", SmallPlace);
                await HostPools.CreateAsync(Host(name), new PoolSpec { Name = Small, Path = SmallPlace }, _token);
                var spec = new VMSpec
                {
                    Name = "master",
                    MemoryBytes = 32 << 20,
                    Disks = [new DiskSpec { NewVolumeBytes = 1 << 20, StoragePool = Small, Format = "qcow2" }],
                };
                var master = await VMActions.CreateAsync(Host(name), spec, start: false, keepFailed: false, OperationId.New(), _token);
                await VMActions.MakeTemplateAsync(master, "golden", OperationId.New(), _token);
            }

            // All but nothing of it is left.
            await Lab.ExecuteAsync("k2", "sh", "-c", $"cat /dev/zero > {SmallPlace}/ballast 2>/dev/null || true");
            List<string> made = [];
            for (var round = 0; round < 5; round++)
            {
                var name = $"web{round}";
                var result = await names.Select(Host).AsLineage().Take(2).ForEachAsync(
                    async (host, token) => await VMActions.CreateFromTemplateAsync(
                        host, "golden", name, new CopyOptions { Linked = true }, OperationId.New(), token),
                    cancellationToken: _token);
                made.AddRange(result.Items.Select(static host => host.Name));
            }

            Assert.Equal(10, made.Count);
            Assert.Equal(["k1", "k3"], made.Distinct());
            Assert.Equal(["master"], (await VMsAsync("k2")).Select(static vm => vm.Name));
            Assert.DoesNotContain(
                "web", await Lab.ExecuteAsync("k2", "ls", SmallPlace), StringComparison.Ordinal);
        }
        finally
        {
            await RemoveAllVMsAsync(removeVolumes: true);
            foreach (var name in names)
            {
                var pool = (await HostStorage.ReadPoolsAsync(Host(name), _token)).FirstOrDefault(static pool => pool.Name == Small);
                await (pool is null ? Task.CompletedTask : HostPools.RemoveAsync(pool, _token));
                await Lab.ExecuteAsync(name, "sh", "-c", $"umount {SmallPlace}; rmdir {SmallPlace}");
            }
        }
    }

    private async Task<KumoiVM> DefineMasterAsync(string host)
    {
        var xml = (await Lab.XmlAsync("master", "qcow2")).Replace("<readonly/>", "", StringComparison.Ordinal);
        return await CreateXmlAsync(Host(host), xml, start: false);
    }

    private static async Task<HypervisorException> RefusedAsync(HypervisorError error, Func<Task> call)
    {
        var refusal = await Assert.ThrowsAsync<HypervisorException>(call);
        Assert.Equal(error, refusal.Error);
        return refusal;
    }

    private string PathOf(string host, string name) => Path.Combine(Lab.Host(host).Images, name);

    private string[] Files(string host, string pattern = "*") =>
        [.. Directory.EnumerateFiles(Lab.Host(host).Images, pattern).Order(StringComparer.Ordinal)];
}
