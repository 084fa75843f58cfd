using System.Collections.Concurrent;
using System.Text.RegularExpressions;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Lineage;
using Xunit;

namespace Kumoi.Tests.Lab;

/// <summary>
/// The experiments of paper 001, section 5, on real hosts. All hosts share this machine's processors, so their load says nothing, and
/// their order is that of their names.
/// </summary>
public sealed partial class PaperExperimentTests(RealLab lab) : LabTest(lab)
{
    private const long MiB = 1L << 20;

    private readonly ConcurrentDictionary<string, OperationId> _operations = new();

    [Fact]
    public async Task Experiment_1_four_VMs_run_on_four_of_six_hosts_although_a_disk_image_is_damaged()
    {
        await Lab.HurtAsync("damage", "k3");

        var deployed = await FitHosts().Take(4).Select(AddVMAsync, UndoAddVMAsync).EvaluateAsync();

        Assert.Equal(["web-k1", "web-k2", "web-k4", "web-k5"], deployed.Items.Select(vm => vm.Name));
        foreach (var vm in deployed.Items)
        {
            Assert.Equal(PowerState.Running, await StateAsync(vm.VMHost, vm.Name));
            await Lab.CountsOnAsync(vm.VMHost, vm.Name);
        }

        Assert.Empty(await VMsAsync("k3"));
        Assert.Empty(await VMsAsync("k6"));
        Assert.Equal(
            """
            list  6
            | map  6
            | filter  6 → 6
            | filter  6 → 6
            | map  6
            | take  4
            | map  4 →
            |   map ✗ k3: …
            |   undo map k3
            |   take(alt) k5
            |   map(alt) ✓ k5
            """,
            Cause().Replace(deployed.Trace.ToString(), "${element}: …"),
            ignoreLineEndingDifferences: true);
    }

    [Fact]
    public async Task Experiment_1_with_VMs_made_from_settings_each_on_an_image_of_its_host()
    {
        await Lab.HurtAsync("damage", "k2");

        var deployed = await FitHosts().Take(4).Select(
            (host, token) =>
                new ValueTask<KumoiVM>(VMActions.CreateAsync(host, Web(host), start: true, keepFailed: false, Operation(host), token)),
            UndoAddVMAsync).EvaluateAsync();

        Assert.Equal(["k1", "k3", "k4", "k5"], deployed.Items.Select(vm => vm.VMHost));
        Assert.All(deployed.Items, vm => Assert.Equal(PowerState.Running, vm.State));
        Assert.Empty(await VMsAsync("k2"));

        // Also on a machine with /dev/kvm, which may be far too slow to use there.
        var xml = await Host("k1").Link.SendAsync(new ReadXml(deployed.Items[0].Id), CancellationToken.None);
        Assert.StartsWith("<domain type='qemu'", xml, StringComparison.Ordinal);

        VMSpec Web(KumoiConnection host) => new()
        {
            Name = "web-" + host.Name,
            MemoryBytes = 64 * MiB,
            Disks = [new DiskSpec { Path = Lab.HostImages + "/web.qcow2" }],
        };
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Experiment_2_a_live_migration_goes_to_the_next_target_when_the_first_one_fails(bool peerToPeer)
    {
        var mover = await CreateAsync(Host("k1"), "mover", "qcow2");
        await Lab.CountsOnAsync("k1", "mover");
        await Lab.HurtAsync("damage", "k2");
        var before = Lab.Counter("k1", "mover")!.Value;

        var result = await Fleet.Hosts.AsLineage().Where(host => host != mover.Connection).Take(1).ForEachAsync(
            async (target, token) => await VMActions.MoveAsync(
                mover, target, new MigrationOptions { PeerToPeer = peerToPeer, TargetUri = Lab.Host(target.Name).TcpUri }, null, token));

        Assert.Equal("k3", Assert.Single(result.Items).Name);
        Assert.Contains("|   foreach ✗ k2: ", result.Trace.ToString(), StringComparison.Ordinal);
        Assert.Empty(await VMsAsync("k1"));
        Assert.Empty(await VMsAsync("k2"));
        Assert.Equal(PowerState.Running, await StateAsync("k3", "mover"));
        await Lab.CountsOnAsync("k3", "mover", before);
        Assert.DoesNotContain("BOOT", Lab.Printed("k3", "mover"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Experiment_3_when_all_VMs_of_a_host_fail_the_VM_of_the_next_host_starts()
    {
        foreach (var host in Fleet.Hosts.Take(4))
        {
            await CreateAsync(host, host.Name + "-1", "qcow2", start: false);
            await CreateAsync(host, host.Name + "-2", "qcow2", start: false);
        }

        await Lab.HurtAsync("damage", "k2");

        var result = await Fleet.Hosts.AsLineage().Take(3).ForEachAsync(
            async (host, token) =>
                await (await host.Link.SendAsync(new ReadVMs(), token)).OrderBy(vm => vm.Name, NaturalOrder.Instance).AsLineage()
                .Take(1)
                .ForEachAsync(async (vm, inner) => await host.Link.SendAsync(new StartVM(vm.Id), inner), cancellationToken: token));

        Assert.Equal(["k1", "k3", "k4"], result.Items.Select(host => host.Name));
        foreach (var host in (string[])["k1", "k3", "k4"])
        {
            Assert.Equal(
                (PowerState.Running, PowerState.Shutoff), (await StateAsync(host, host + "-1"), await StateAsync(host, host + "-2")));
            await Lab.CountsOnAsync(host, host + "-1");
        }

        Assert.All(await VMsAsync("k2"), vm => Assert.Equal(PowerState.Shutoff, vm.State));
        Assert.Contains("|   foreach ✗ k2", result.Trace.ToString(), StringComparison.Ordinal);
        Assert.Contains("|   foreach(alt) ✓ k4", result.Trace.ToString(), StringComparison.Ordinal);
    }

    private LineageList<KumoiConnection> FitHosts() =>
        Fleet.Hosts.AsLineage(refresh: (host, _) => ValueTask.FromResult(host))
            .Select(async (host, token) => (Host: host, Reading: await host.Link.SendAsync(new ReadHost(false), token)))
            .Where(x => x.Reading.CpuRatio <= 1)
            .Where(x => x.Reading.FreeMemoryBytes > 64 * MiB)
            .Select(x => x.Host);

    private async ValueTask<KumoiVM> AddVMAsync(KumoiConnection host, CancellationToken cancellationToken) =>
        await CreateAsync(host, "web-" + host.Name, "qcow2", operation: Operation(host), cancellationToken: cancellationToken);

    private async ValueTask UndoAddVMAsync(KumoiConnection host, CancellationToken cancellationToken) =>
        await host.Link.SendAsync(new UndoDefineVM(Operation(host)), cancellationToken);

    private OperationId Operation(KumoiConnection host) => _operations.GetOrAdd(host.Name, _ => OperationId.New());

    /// <summary>What QEMU said, which may be several lines long.</summary>
    [GeneratedRegex(@"(?<element>✗ k\d+): (.|\n)*?(?=\n\|   )", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Cause();
}
