using Kumoi.FaultTolerance.Engines;
using Kumoi.FaultTolerance.Modes;
using Kumoi.FaultTolerance.Pairs;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Faults;
using Xunit;

namespace Kumoi.Tests.FaultTolerance.Pairs;

/// <summary>Which engine is taken where none is asked for, and what stands in the way.</summary>
public sealed class PairChecksTests : IAsyncLifetime
{
    private LabFleet _lab = null!;
    private KumoiVM _vm = null!;

    public async ValueTask InitializeAsync()
    {
        _lab = await LabFleet.ConnectAsync("sim://lab?hosts=2&vms=1&running=1");
        _vm = new KumoiVM(_lab.Host("kvm01"), (await _lab.VMsAsync("kvm01"))[0]);
    }

    public ValueTask DisposeAsync() => _lab.DisposeAsync();

    [Theory]
    [InlineData(false, null, CheckpointEngine.LibvirtSnapshot, "needs nothing but libvirt")]
    [InlineData(true, null, CheckpointEngine.Migrate, "pauses are the shortest")]
    [InlineData(true, 500, CheckpointEngine.LibvirtSnapshot, "needs nothing but libvirt")] // a checkpoint by migration takes its time
    public async Task The_best_engine_in_whose_way_nothing_stands_is_taken_and_says_why(
        bool allowUnencrypted, int? maxLatency, CheckpointEngine engine, string why)
    {
        var order = Order() with { AllowUnencrypted = allowUnencrypted, Goals = new PairGoals(null, null, maxLatency) };
        var (chosen, found) = await ChooseAsync(order, EngineChoice.Auto);

        Assert.Empty(found);
        Assert.Equal(engine, chosen.Engine);
        Assert.Contains(why, chosen.EngineReason, StringComparison.Ordinal);
        Assert.Contains("SharedDelta cannot serve: ", chosen.EngineReason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_standbys_need_twice_the_memory()
    {
        var free = (await _lab.Host("kvm02").Link.SendAsync(new ReadHost(IncludeVMs: false), CancellationToken.None)).FreeMemoryBytes;
        var filler = new VMSpec { Name = "filler", MemoryBytes = free - (_vm.MemoryBytes * 3 / 2) };
        var made = await _lab.Host("kvm02").Link.SendAsync(new DefineVM(filler), CancellationToken.None);
        await _lab.Host("kvm02").Link.SendAsync(new StartVM(made.Id), CancellationToken.None);
        var order = Order() with { AllowUnencrypted = true };

        var (_, found) = await ChooseAsync(order, EngineChoice.Migrate);
        var finding = Assert.Single(found);
        Assert.Equal(("kvm02", true), (finding.VMHost, finding.IsOfBackup));
        Assert.EndsWith("MiB, 2 times.", finding.Message, StringComparison.Ordinal);

        var (chosen, none) = await ChooseAsync(order, EngineChoice.Auto);
        Assert.Empty(none);
        Assert.Equal(CheckpointEngine.LibvirtSnapshot, chosen.Engine);
        Assert.Contains("Migrate cannot serve: kvm02 has", chosen.EngineReason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_host_is_asked_only_for_engines_in_whose_way_the_VM_does_not_stand_and_once_for_the_same_needs()
    {
        var asked = 0;
        _lab.Faults.Add(new FaultRule
        {
            Operation = nameof(CheckMigrationTarget),
            HostPattern = "counts",
            HostMatches = host =>
            {
                asked += host is "kvm02" ? 1 : 0;
                return false;
            },
        });

        var (chosen, _) = await ChooseAsync(Order(), EngineChoice.Auto); // the VM's memory is not shared: no SharedDelta
        Assert.Equal((CheckpointEngine.LibvirtSnapshot, 1), (chosen.Engine, asked));

        _lab.Break("kvm02", nameof(CheckMigrationTarget));
        var (_, found) = await ChooseAsync(Order() with { AllowUnencrypted = true }, EngineChoice.Auto);
        Assert.Contains("kvm02 could not be asked", Assert.Single(found).Message, StringComparison.Ordinal);
        Assert.Equal(3, asked); // twice the memory for Migrate, which comes first then, and what LibvirtSnapshot needs
    }

    [Fact]
    public async Task An_engine_that_is_asked_for_is_taken_whatever_stands_in_its_way()
    {
        var (chosen, found) = await ChooseAsync(Order(), EngineChoice.Migrate);

        Assert.Equal((CheckpointEngine.Migrate, null), (chosen.Engine, chosen.EngineReason));
        Assert.Contains("unencrypted", Assert.Single(found).Message, StringComparison.Ordinal);
    }

    private Task<(PairOrder Order, IReadOnlyList<KumoiFtFinding> Found)> ChooseAsync(PairOrder order, EngineChoice choice) =>
        PairChecks.ChooseAsync(_vm, [_lab.Host("kvm02")], order, choice, TestContext.Current.CancellationToken);

    private PairOrder Order() => new()
    {
        Id = Guid.NewGuid(),
        VM = _vm.Id,
        VMName = _vm.Name,
        Primary = "kvm01",
        Hosts = [new PairHost("kvm01", ""), new PairHost("kvm02", "")],
        Folder = "/nowhere",
        Goals = new PairGoals(),
    };
}
