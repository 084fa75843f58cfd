using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Speculation.Repair;
using Xunit;
using static Kumoi.Tests.Speculation.HostFailures;

namespace Kumoi.Tests.Speculation.Migration;

/// <summary>A VM that moves with its disks: they are where it is, and nowhere else.</summary>
public sealed class StorageMigrationTests
{
    private const string First = "web-1";
    private const string Second = "web-2";
    private const string Both = $"{First} {Second}";

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Whenever_the_controller_dies_the_disks_are_where_the_VM_is_after_the_repair(bool keepSource)
    {
        var moments = 1;
        var (moved, stayed) = (0, 0);
        for (var moment = 0; moment <= moments; moment++) // 0: it lives
        {
            await using var site = await OpenAsync();
            var controller = new Controller { DiesAt = moment };
            await using (var fleet = await site.StartAsync(controller))
            {
                await Record.ExceptionAsync(() => site.MoveWithStorageAsync(fleet, keepSource));
            }

            moments = Math.Max(moments, controller.Moments);
            var because = $"died at {moment}";
            var results = await site.RepairAsync();
            Assert.All(results, result => Assert.True(result.IsRepaired, $"{because}: {result}"));
            var host = await site.AssertOneCopyAsync(because);
            var volumes = await site.VolumesAsync();
            Assert.Equal((because, 0), (because, (await site.UnfinishedAsync()).Count));
            if (host is "kvm02")
            {
                moved++;
                Assert.Equal((because, Both), (because, volumes[1]));

                // Of a volume whose removal was under way nobody knows whether what is there is another's: it stays, and is named.
                Assert.True(
                    keepSource ? volumes[0] == Both
                        : volumes[0].Split(' ', StringSplitOptions.RemoveEmptyEntries).All(
                            one => results.Single().Message.Contains($"/{one}'", StringComparison.Ordinal)),
                    $"{because}: {volumes[0]} ({results.FirstOrDefault()})");
                continue;
            }

            // Of a volume whose making was under way nobody knows whose it is: it stays, and is named.
            stayed++;
            Assert.Equal((because, Both), (because, volumes[0]));
            Assert.True(
                volumes[1].Length == 0 || results.Single().Message.Contains($"/{volumes[1]}'", StringComparison.Ordinal),
                $"{because}: {volumes[1]} ({results.FirstOrDefault()})");
        }

        Assert.True(moved > 3 && stayed > 8, $"{moved} moved, {stayed} stayed");
    }

    [Fact]
    public async Task What_has_taken_the_name_of_a_removed_volume_stays_when_the_move_is_repaired()
    {
        var taken = 0;
        for (var (moment, moments) = (0, 1); moment <= moments; moment++) // 0: it lives
        {
            await using var site = await OpenAsync();
            var controller = new Controller { DiesAt = moment };
            await using (var fleet = await site.StartAsync(controller))
            {
                await Record.ExceptionAsync(() => site.MoveWithStorageAsync(fleet));
            }

            moments = Math.Max(moments, controller.Moments);
            var host = site.Observe(1);
            List<string> others = [.. ((string[])[First, Second]).Except((await site.VolumesAsync())[0].Split(' '))];
            foreach (var name in others)
            {
                await host.SendAsync(new CreateVolume("default", name, "qcow2", 1 << 20), default);
            }

            await site.RepairAsync();
            Assert.Empty(others.Except((await site.VolumesAsync())[0].Split(' ')));
            taken += others.Count;
        }

        Assert.True(taken > 1, $"{taken} names were taken");
    }

    [Theory]
    [InlineData("create volume", false)]
    [InlineData("migrate", false)]
    public async Task A_move_that_fails_leaves_nothing_and_ends(string call, bool isDone)
    {
        await using var site = await OpenAsync();
        var calls = 0;
        await using var fleet = await site.StartAsync(new Controller
        {
            // Of the two volumes the second.
            Fault = (host, name, done) => name == call && done == isDone && (call is "migrate" || ++calls == 2) ? Definite(host) : null,
        });

        await Assert.ThrowsAsync<HypervisorException>(() => site.MoveWithStorageAsync(fleet));

        Assert.Equal("kvm01", await site.AssertOneCopyAsync(call));
        Assert.Equal([Both, ""], await site.VolumesAsync());
        Assert.Empty(await site.UnfinishedAsync());
    }

    [Fact]
    public async Task Cancelled_in_the_middle_it_leaves_nothing()
    {
        await using var site = await OpenAsync();
        await using var fleet = await site.StartAsync(new Controller());
        using var stop = new CancellationTokenSource();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => site.MoveWithStorageAsync(
            fleet, progress: new Listener(value =>
            {
                if (value.Ratio >= 0.5)
                {
                    stop.Cancel();
                }
            }),
            cancellationToken: stop.Token));

        Assert.Equal("kvm01", await site.AssertOneCopyAsync("cancelled"));
        Assert.Equal([Both, ""], await site.VolumesAsync());
        Assert.Empty(await site.UnfinishedAsync());
    }

    [Fact]
    public async Task What_a_target_that_does_not_answer_any_more_has_is_removed_by_the_repair()
    {
        await using var site = await OpenAsync();
        var isDead = false;
        List<string> warnings = [];
        await using (var fleet = await site.StartAsync(new Controller
        {
            Fault = (host, name, _) => (isDead |= name is "migrate") && (name is "migrate" || host is "kvm02") ? Definite(host) : null,
        }))
        {
            using var listening = CallWarnings.Listen(warnings.Add);
            await Assert.ThrowsAsync<HypervisorException>(() => site.MoveWithStorageAsync(fleet));
        }

        Assert.Equal([Both, Both], await site.VolumesAsync());
        var operation = Assert.Single(await site.UnfinishedAsync(), OperationRepair.IsOnSeveralHosts);
        Assert.Contains($"Repair-KumoiOperation {operation.Id:D}", Assert.Single(warnings), StringComparison.Ordinal);

        Assert.True(Assert.Single(await site.RepairAsync()).IsRepaired);
        Assert.Equal([Both, ""], await site.VolumesAsync());
    }

    [Fact]
    public async Task Where_the_answer_of_the_migration_is_lost_no_disk_is_removed_before_it_is_known_where_the_VM_is()
    {
        await using var site = await OpenAsync();
        await using (var fleet = await site.StartAsync(new Controller
        {
            Fault = (host, name, isDone) => name is "migrate" && isDone ? Unknown(host) : null,
        }))
        {
            var failure = await Assert.ThrowsAsync<HypervisorException>(() => site.MoveWithStorageAsync(fleet));
            Assert.True(failure.OutcomeUnknown);
            Assert.Contains("Repair-KumoiOperation", failure.RecommendedAction, StringComparison.Ordinal);
        }

        Assert.Equal([Both, Both], await site.VolumesAsync());
        Assert.Equal("kvm02", Assert.Single(await site.RepairAsync()).VMHost);
        Assert.Equal(["", Both], await site.VolumesAsync());
    }

    [Fact]
    public async Task A_source_that_does_not_remove_them_keeps_its_disks_until_the_repair_which_leaves_what_has_come_since()
    {
        await using var site = await OpenAsync();
        List<string> warnings = [];
        await using (var fleet = await site.StartAsync(new Controller
        {
            Fault = (host, name, isDone) => name is "remove volume" && !isDone && host is "kvm01" ? Definite(host) : null,
        }))
        {
            using var listening = CallWarnings.Listen(warnings.Add);
            Assert.Equal("kvm02", (await site.MoveWithStorageAsync(fleet)).VMHost);
        }

        Assert.Contains("stay", Assert.Single(warnings), StringComparison.Ordinal);
        Assert.Equal([Both, Both], await site.VolumesAsync());
        Assert.True(Assert.Single(await site.RepairAsync()).IsRepaired);
        Assert.Equal(["", Both], await site.VolumesAsync());
    }

    [Fact]
    public async Task A_VM_that_is_off_after_its_controller_has_died_keeps_all_its_disks()
    {
        await using var site = await OpenAsync();
        await using (var fleet = await site.StartAsync(new Controller
        {
            Fault = (host, name, isDone) => name is "migrate" && !isDone ? Unknown(host) : null,
        }))
        {
            await Assert.ThrowsAsync<HypervisorException>(() => site.MoveWithStorageAsync(fleet));
        }

        await site.SetAsync(VMWhereabouts.Off);
        Assert.False(Assert.Single(await site.RepairAsync()).IsRepaired);
        Assert.Equal([Both, Both], await site.VolumesAsync());
        await site.Observe(1).SendAsync(new StartVM(site.Id), default);
        Assert.True(Assert.Single(await site.RepairAsync()).IsRepaired);
        Assert.Equal([Both, ""], await site.VolumesAsync());
    }

    private static async Task<Site> OpenAsync()
    {
        var site = await Site.OpenAsync(hosts: 2);
        await site.AddDiskAsync(First);
        await site.AddDiskAsync(Second);
        return site;
    }

    /// <summary>Is told at once, by whoever migrates.</summary>
    private sealed class Listener(Action<MigrationProgress> action) : IProgress<MigrationProgress>
    {
        public void Report(MigrationProgress value) => action(value);
    }
}
