using System.Collections.Concurrent;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Faults;
using Kumoi.Lineage;
using Xunit;

namespace Kumoi.Tests.Lineage;

/// <summary>The experiments of paper 001, section 5, on simulated hosts.</summary>
public sealed class PaperExperimentTests
{
    private const long MiB = 1L << 20;

    private readonly ConcurrentDictionary<string, OperationId> _operations = new();

    [Fact]
    public async Task Experiment_1_ten_VMs_are_deployed_although_the_disk_on_one_host_is_damaged()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=20&vms=1&seed=7");
        var hosts = lab.Fleet.Hosts.AsLineage(refresh: (host, _) => ValueTask.FromResult(host))
            .Select(async (host, token) => (Host: host, Reading: await host.Link.SendAsync(new ReadHost(false), token)))
            .Where(x => x.Reading.CpuRatio < 0.9)
            .Where(x => x.Reading.FreeMemoryBytes > 512 * MiB)
            .Select(x => x.Host);
        var chosen = (await hosts.EvaluateAsync()).Items;
        lab.Break(chosen[2].Name, FaultOperation.Start, FaultDomain.Storage, message: "the disk isn't accessible");

        var deployed = await hosts.Take(10).Select(AddVMAsync, UndoAddVMAsync).EvaluateAsync();

        var expected = chosen.Where((_, i) => i is not 2).Take(10).Select(host => host.Name + "-2");
        Assert.Equal(expected, deployed.Items.Select(vm => vm.Name));
        Assert.Single(await lab.VMsAsync(chosen[2].Name));
        Assert.Equal(2, (await lab.VMsAsync(chosen[10].Name)).Count);
        Assert.Equal(
            $"""
            list  20
            | map  20
            | filter  20 → {chosen.Count}
            | filter  {chosen.Count} → {chosen.Count}
            | map  {chosen.Count}
            | take  10
            | map  10 →
            |   map ✗ {chosen[2]}: the disk isn't accessible
            |   undo map {chosen[2]}
            |   take(alt) {chosen[10]}
            |   map(alt) ✓ {chosen[10]}
            """,
            deployed.Trace.ToString(),
            ignoreLineEndingDifferences: true);
        Assert.Equal((1, 1), (deployed.Trace.Failures, deployed.Trace.Substitutions));
    }

    [Fact]
    public async Task Experiment_2_a_VM_goes_to_the_next_target_when_the_first_one_fails()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=20&vms=3&running=3&seed=7");
        var source = lab.Host("kvm01");
        var targets = await TargetsAsync(lab, source);
        lab.Break(targets[0], FaultOperation.Migrate, FaultDomain.Host, message: "Unknown failure");

        await (await VMsOfAsync(source)).OrderByDescending(vm => vm.MemoryBytes).Take(1)
            .ForEachAsync(async (vm, token) => await MigrateToAnyAsync(lab, source, vm, token));

        Assert.Equal(2, (await lab.VMsAsync("kvm01")).Count);
        Assert.Equal(3, (await lab.VMsAsync(targets[0])).Count);
        Assert.Equal(4, (await lab.VMsAsync(targets[1])).Count);
    }

    [Fact]
    public async Task A_failure_of_the_VM_itself_does_not_burn_through_targets_but_takes_the_next_VM()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=20&vms=3&running=3&seed=7");
        var source = lab.Host("kvm01");
        var largest = (await lab.VMsAsync("kvm01")).OrderByDescending(vm => vm.MemoryBytes).ToList();
        var rule = lab.Break("kvm01", FaultOperation.Migrate, FaultDomain.VM, largest[0].Name);

        var result = await (await VMsOfAsync(source)).OrderByDescending(vm => vm.MemoryBytes).Take(1)
            .ForEachAsync(async (vm, token) => await MigrateToAnyAsync(lab, source, vm, token));

        Assert.Equal(largest[1].Name, Assert.Single(result.Items).Name);
        Assert.Equal(1, lab.Faults.Rules.Single(entry => entry.Rule.Id == rule.Id).Hits);
        Assert.Contains(await lab.VMsAsync("kvm01"), vm => vm.Id == largest[0].Id);
    }

    [Fact]
    public async Task A_failure_whose_outcome_is_unknown_takes_no_substitute()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=4&vms=1&running=0");
        lab.Faults.Add(new FaultRule
        {
            HostPattern = "kvm01",
            HostMatches = name => name is "kvm01",
            Operation = FaultOperation.Start,
            OutcomeUnknown = true,
        });
        var failure = await Assert.ThrowsAsync<HypervisorException>(() => lab.Fleet.Hosts.AsLineage().Take(1).ForEachAsync(
            async (host, token) => await host.Link.SendAsync(new StartVM((await lab.VMsAsync(host.Name))[0].Id), token)));
        Assert.True(failure.OutcomeUnknown);
        Assert.Equal(PowerState.Shutoff, (await lab.VMsAsync("kvm02"))[0].State);
    }

    [Fact]
    public async Task Experiment_3_when_all_VMs_of_a_host_fail_the_next_host_starts_one()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=20&vms=2&running=0&seed=7");
        var byLoad = lab.Fleet.Hosts.AsLineage()
            .Select(async (host, token) => (Host: host, Reading: await host.Link.SendAsync(new ReadHost(false), token)))
            .Where(x => x.Reading.Tags.Contains("web"))
            .OrderBy(x => x.Reading.CpuRatio)
            .Select(x => x.Host);
        var web = (await byLoad.EvaluateAsync()).Items;
        Assert.True(web.Count > 10);
        lab.Break(web[4].Name, FaultOperation.Start, FaultDomain.VM);

        var result = await byLoad.Take(10).ForEachAsync(
            async (host, token) => await (await VMsOfAsync(host, token)).Take(1).ForEachAsync(
                async (vm, inner) => await host.Link.SendAsync(new StartVM(vm.Id), inner), cancellationToken: token));

        Assert.Equal(web.Where((_, i) => i is not 4).Take(10), result.Items);
        foreach (var (host, i) in web.Select((host, i) => (host, i)))
        {
            var running = (await lab.VMsAsync(host.Name)).Count(vm => vm.State is PowerState.Running);
            Assert.Equal(i is not 4 and <= 10 ? 1 : 0, running);
        }

        Assert.Contains("|   foreach ✗ " + web[4].Name, result.Trace.ToString(), StringComparison.Ordinal);
        Assert.Contains("|   foreach(alt) ✓ " + web[10].Name, result.Trace.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_failure_of_the_host_passes_its_VMs_and_takes_the_next_host_at_once()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=4&vms=3&running=0&seed=7");
        var rule = lab.Break("kvm01", FaultOperation.Start, FaultDomain.Host);

        var result = await lab.Fleet.Hosts.AsLineage().Take(2).ForEachAsync(
            async (host, token) => await (await VMsOfAsync(host, token)).Take(1).ForEachAsync(
                async (vm, inner) => await host.Link.SendAsync(new StartVM(vm.Id), inner), cancellationToken: token));

        Assert.Equal(["kvm02", "kvm03"], result.Items.Select(host => host.Name));
        Assert.Equal(1, lab.Faults.Rules.Single(entry => entry.Rule.Id == rule.Id).Hits);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Balance_of_Fig_5_frees_enough_memory_whether_a_target_or_a_VM_fails(bool aVMFails)
    {
        const long wanted = 6L << 30;
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=20&vms=6&running=6&seed=7");
        var source = lab.Host("kvm01");
        var target = (await TargetsAsync(lab, source))[0];
        var vms = (await lab.VMsAsync("kvm01")).OrderByDescending(vm => vm.MemoryBytes).ToList();
        lab.Break(aVMFails
            ? "kvm01" : target, FaultOperation.Migrate, aVMFails ? FaultDomain.VM : FaultDomain.Host, aVMFails ? vms[1].Name : null);
        var unharmed = aVMFails ? vms.Where((_, i) => i is not 1) : vms;
        var expected = unharmed.Where((_, i) => unharmed.Take(i).Sum(vm => vm.MemoryBytes) < wanted).ToList();

        var result = await (await VMsOfAsync(source))
            .OrderBy(vm => -vm.MemoryBytes)
            .AccumulateWhile((taken, _) => taken.Sum(vm => vm.MemoryBytes) < wanted)
            .ForEachAsync(
                async (vm, token) => await MigrateToAnyAsync(lab, source, vm, token), options: new LineageOptions { MaxConcurrency = 1 });

        Assert.Equal(expected.Select(vm => vm.Id), result.Items.Select(vm => vm.Id));
        Assert.Equal(vms.Except(expected).Select(vm => vm.Id).Order(), (await lab.VMsAsync("kvm01")).Select(vm => vm.Id).Order());
        Assert.Equal(aVMFails ? 1 : 0, result.Trace.Failures);
        Assert.StartsWith(
            $"list  6{Environment.NewLine}| sortBy  6{Environment.NewLine}| accumulateWhile  ", result.Trace.ToString(),
            StringComparison.Ordinal);
        if (aVMFails)
        {
            Assert.Contains($"|   foreach ✗ {vms[1].Name}", result.Trace.ToString(), StringComparison.Ordinal);
            Assert.Contains("|   accumulateWhile(alt) ", result.Trace.ToString(), StringComparison.Ordinal);
        }
        else
        {
            Assert.Equal(6, (await lab.VMsAsync(target)).Count);
        }
    }

    private static async Task<LineageList<VMReading>> VMsOfAsync(KumoiConnection host, CancellationToken cancellationToken = default) =>
        (await host.Link.SendAsync(new ReadVMs(), cancellationToken)).AsLineage();

    private static async Task<IReadOnlyList<string>> TargetsAsync(LabFleet lab, KumoiConnection source) =>
        [.. (await Targets(lab, source, 0).EvaluateAsync()).Items.Select(host => host.Name)];

    private static LineageList<KumoiConnection> Targets(LabFleet lab, KumoiConnection source, long memoryBytes) =>
        lab.Fleet.Hosts.AsLineage()
            .Where(host => host != source)
            .Select(async (host, token) => (Host: host, Reading: await host.Link.SendAsync(new ReadHost(false), token)))
            .OrderBy(x => x.Reading.CpuRatio)
            .Where(x => x.Reading.FreeMemoryBytes > memoryBytes)
            .Select(x => x.Host);

    private static Task MigrateToAnyAsync(LabFleet lab, KumoiConnection source, VMReading vm, CancellationToken cancellationToken) =>
        Targets(lab, source, vm.MemoryBytes).Take(1).ForEachAsync(
            async (target, token) => await source.Link.SendAsync(new MigrateVM(vm.Id, target.Link, new MigrationOptions()), token),
            cancellationToken: cancellationToken);

    private async ValueTask<VMReading> AddVMAsync(KumoiConnection host, CancellationToken cancellationToken)
    {
        var count = (await host.Link.SendAsync(new ReadVMs(), cancellationToken)).Count;
        var operation = _operations.GetOrAdd(host.Name, _ => OperationId.New());
        var vm = await host.Link.SendAsync(
            new DefineVM(new VMSpec { Name = $"{host.Name}-{count + 1}" }) { Operation = operation }, cancellationToken);
        await host.Link.SendAsync(new StartVM(vm.Id) { Operation = operation }, cancellationToken);
        return vm;
    }

    private async ValueTask UndoAddVMAsync(KumoiConnection host, CancellationToken cancellationToken) =>
        await host.Link.SendAsync(new UndoDefineVM(_operations[host.Name]), cancellationToken);
}
