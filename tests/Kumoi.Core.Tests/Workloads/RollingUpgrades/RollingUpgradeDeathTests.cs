using Kumoi.Hypervisors.Faults;
using Kumoi.Tests.Speculation;
using Kumoi.Workloads;
using Kumoi.Workloads.RollingUpgrades;
using Xunit;

namespace Kumoi.Tests.Workloads.RollingUpgrades;

/// <summary>A rolling upgrade whose controller dies, at any moment and again and again.</summary>
public sealed class RollingUpgradeDeathTests
{
    private static readonly string[] Hosts = ["kvm01", "kvm02", "kvm03"];

    [Theory]
    [InlineData(false, null)]
    [InlineData(true, null)]
    [InlineData(true, 2)]
    public async Task Killed_at_any_moment_it_goes_on_and_ends_with_all_hosts_upgraded(bool returnVMs, int? replicas)
    {
        var moves = new WorkloadOptions { Replicas = replicas };
        var moments = int.MaxValue;
        for (var moment = 1; moment <= moments; moment++)
        {
            await using var site = await UpgradeSite.OpenAsync();
            var before = await site.RunningAsync();
            var because = $"killed at moment {moment}";
            var controller = new Controller { DiesAt = moment };
            await TryUpgradeAsync(site, controller, returnVMs, moves);
            if (!controller.IsDead)
            {
                moments = controller.Moments;
                break;
            }

            if (replicas is null)
            {
                await site.AssertNoVMIsLostAsync(because);
            }

            await RepairAsync(site);
            await using var fleet = await site.StartAsync();
            if (site.Upgraded.Count == Hosts.Length
                && (await RollingUpgrade.OpenAsync(fleet, fleet.Hosts, site.Options(), moves, site.Time, default)).OpenSince is null)
            {
                // It had completed, and only nobody was told.
                Assert.Empty(await site.InMaintenanceAsync());
                continue;
            }

            var results = await site.UpgradeAsync(fleet, site.Options(returnVMs: returnVMs), moves);
            Assert.True(results.TrueForAll(result => result.State is HostUpdateState.Updated),
                $"{because}: {results.Find(result => result.Error is not null)?.Error}");
            Assert.True(Hosts.SequenceEqual(site.Upgraded.Distinct()), because);
            // The script that had ended, and whose end was not written any more, is run once more.
            Assert.True(site.Upgraded.Count <= Hosts.Length + 1, because);
            Assert.Empty(await site.InMaintenanceAsync());
            await site.AssertNoVMIsLostAsync(because);
            if (returnVMs)
            {
                Assert.Equal(before, await site.RunningAsync());
            }

            // It was completed: the same command begins another one.
            Assert.Null((await RollingUpgrade.OpenAsync(fleet, fleet.Hosts, site.Options(), moves, site.Time, default)).OpenSince);
        }

        Assert.InRange(moments, 50, 10_000);
    }

    [Fact]
    public async Task Killed_again_and_again_it_still_ends_with_all_hosts_upgraded()
    {
        for (var stride = 3; stride < 40; stride++)
        {
            await using var site = await UpgradeSite.OpenAsync();
            for (var death = stride; ; death += stride)
            {
                var controller = new Controller { DiesAt = death };
                await TryUpgradeAsync(site, controller, returnVMs: true, new WorkloadOptions());
                await site.AssertNoVMIsLostAsync($"killed every {stride} moments");
                if (!controller.IsDead)
                {
                    break;
                }
            }

            Assert.Equal(Hosts, site.Upgraded.Distinct());
            Assert.Empty(await site.InMaintenanceAsync());
        }
    }

    [Fact]
    public async Task With_failures_and_deaths_at_random_no_VM_is_ever_lost_and_it_ends_when_they_do()
    {
        for (var seed = 1; seed <= 100; seed++)
        {
            var random = new Random(seed);
            await using var site = await UpgradeSite.OpenAsync("hosts=4&vms=2&running=2&seed=7");
            var returnVMs = seed % 2 == 0;
            for (var run = 0; run < 6; run++)
            {
                var controller = new Controller { DiesAt = random.Next(1, 300) };
                var faults = new FaultPlan(random, site.Time);
                faults.Add(Anywhere(FaultOperation.Migrate) with { Probability = 0.2 });
                faults.Add(Anywhere(FaultOperation.Migrate) with { Probability = 0.1, FaultDomain = FaultDomain.VM });
                faults.Add(Anywhere(FaultOperation.Migrate) with { Probability = 0.1, OutcomeUnknown = true });
                faults.Add(Anywhere(FaultOperation.Read) with { Probability = 0.02, FaultDomain = FaultDomain.Host });
                var options = site.Options(controller, returnVMs) with { Patience = TimeSpan.Zero };
                await using var fleet = await site.StartAsync(controller, faults);
                try
                {
                    await site.UpgradeAsync(fleet, options with
                    {
                        Script = (host, token) =>
                            random.NextDouble() < 0.2 ? throw new InvalidOperationException("no space left") : options.Script(host, token),
                        Verify = (_, _) => Task.FromResult(random.NextDouble() < 0.8),
                    });
                }
                catch (ControllerDiedException)
                {
                    // Then its connections close.
                }

                await site.AssertNoVMIsLostAsync($"seed {seed}, run {run}");
            }

            await using var last = await site.StartAsync();
            Assert.All(await site.UpgradeAsync(last, site.Options(returnVMs: returnVMs)), result => Assert.Equal(
                HostUpdateState.Updated, result.State));
            Assert.Equal(["kvm01", "kvm02", "kvm03", "kvm04"], site.Upgraded.Distinct().Order(StringComparer.Ordinal));
            Assert.Empty(await site.InMaintenanceAsync());
            await site.AssertNoVMIsLostAsync($"seed {seed}");
        }

        static FaultRule Anywhere(string operation) => new() { HostPattern = "*", HostMatches = _ => true, Operation = operation };
    }

    private static async Task TryUpgradeAsync(UpgradeSite site, Controller controller, bool returnVMs, WorkloadOptions moves)
    {
        await using var fleet = await site.StartAsync(controller);
        try
        {
            await site.UpgradeAsync(fleet, site.Options(controller, returnVMs), moves);
        }
        catch (ControllerDiedException)
        {
            // Then its connections close.
        }
    }

    private static async Task RepairAsync(UpgradeSite site)
    {
        await using var fleet = await site.StartAsync();
        var pending = new List<KumoiOperation>();
        await foreach (var operation in site.Journal.ReadOperationsAsync(
            new Kumoi.Journal.OperationQuery { States = [OperationState.Pending] }, default))
        {
            pending.Add(operation);
        }

        foreach (var operation in pending.Where(operation => operation.Kind is OperationKind.SpeculativeMigrate))
        {
            await new Kumoi.Speculation.Repair.OperationRepair(fleet, site.Journal, site.Time)
                .RepairAsync(operation, isOwnerKnownDead: false, default);
        }
    }
}
