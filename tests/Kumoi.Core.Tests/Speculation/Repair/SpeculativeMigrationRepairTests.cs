using Kumoi.Hypervisors;
using Kumoi.Journal;
using Kumoi.Speculation;
using Kumoi.Speculation.Repair;
using Xunit;
using static Kumoi.Tests.Speculation.HostFailures;

namespace Kumoi.Tests.Speculation.Repair;

/// <summary>A controller that has died, or has lost its journal: one copy of the VM is left all the same.</summary>
public sealed class SpeculativeMigrationRepairTests
{
    [Fact]
    public async Task A_copy_that_goes_by_itself_while_it_is_repaired_is_gone_all_the_same()
    {
        await using var site = await Site.OpenAsync();
        await using (var fleet = await site.StartAsync(
            new Controller { Fault = (host, call, isDone) => call is "confirm" && !isDone ? Unknown(host) : null }))
        {
            await Assert.ThrowsAsync<HypervisorException>(() => site.MigrateAsync(fleet));
        }

        var gone = new Controller
        {
            Fault = (host, call, isDone) => call is "destroy" or "undefine" && isDone
                ? new($"no such VM on {host}", FaultDomain.VM, error: HypervisorError.VMNotFound)
                : null,
        };
        Assert.True(Assert.Single(await site.RepairAsync(gone)).IsRepaired);
        Assert.Equal("kvm02", await site.AssertOneCopyAsync("repaired"));
    }

    /// <summary>Every moment of every course of events that one fault on each of two targets can give.</summary>
    [Fact]
    public async Task Whenever_the_controller_dies_repair_leaves_exactly_one_copy()
    {
        var courses = from isStrict in new[] { false, true }
                      from first in new[] { "", "prepare", "finish", "answer of finish" }
                      from second in new[] { "", "prepare", "finish", "answer of finish" }
                      from isReversed in new[] { false, true }
                      select (isStrict, first, second, isReversed);
        var deaths = 0;
        foreach (var (isStrict, first, second, isReversed) in courses)
        {
            var moments = await RunAsync(isStrict, first, second, isReversed, diesAt: 0);
            for (var moment = 1; moment <= moments; moment++, deaths++)
            {
                await RunAsync(isStrict, first, second, isReversed, moment);
            }
        }

        Assert.True(deaths > 500, $"{deaths} deaths");
    }

    /// <summary>Random courses of events, with faults of all kinds, deaths among them.</summary>
    [Fact]
    public async Task Ten_thousand_operations_with_faults_lose_no_VM_and_start_none_twice()
    {
        var seed = Environment.GetEnvironmentVariable("KUMOI_SPECULATION_SEED") is { } given
            ? int.Parse(given, System.Globalization.CultureInfo.InvariantCulture) : Random.Shared.Next();
        var random = new Random(seed);
        string[] calls = ["begin", "prepare", "perform", "finish", "place", "confirm", "abandon", "take back"];
        for (var i = 0; i < 10_000; i++)
        {
            await using var site = await Site.OpenAsync(2 + random.Next(3));
            var faults = new Random(random.Next());
            var share = random.NextDouble() * 0.3;
            var controller = new Controller
            {
                DiesAt = random.Next(3) == 0 ? 1 + random.Next(40) : 0,
                Fault = (host, call, isDone) =>
                {
                    lock (faults)
                    {
                        return !calls.Contains(call) || faults.NextDouble() >= share / 2
                            ? null : isDone || faults.Next(4) == 0 ? Unknown(host) : Definite(host);
                    }
                },
            };
            var because = $"seed {seed}, operation {i}";
            await using (var fleet = await site.StartAsync(controller))
            {
                try
                {
                    await site.MigrateAsync(fleet, new SpeculationOptions
                    {
                        Replicas = 1 + random.Next(3),
                        HedgeDelay = random.Next(2) == 0
                        ? TimeSpan.FromSeconds(1) : null,
                        IsStrict = random.Next(4) == 0
                    });
                }
                catch (Exception e) when (e
                    is ControllerDiedException or HypervisorException or SpeculationFailedException or JournalException)
                {
                    Assert.True((await site.PlacesAsync()).Count(place => place is VMWhereabouts.Running) <= 1, because);
                }

                controller.Die();
            }

            Assert.True((await site.PlacesAsync()).Count(place => place is VMWhereabouts.Running) <= 1, because);
            Assert.All(await site.RepairAsync(), result => Assert.True(result.IsRepaired, $"{because}: {result}"));
            await site.AssertOneCopyAsync(because);
        }
    }

    [Fact]
    public async Task Simulated_hosts_of_another_process_are_gone_and_those_of_this_one_are_others()
    {
        await using var site = await Site.OpenAsync();
        await using (var fleet = await site.StartAsync(
            new Controller { Fault = (host, call, isDone) => call is "confirm" && !isDone ? Unknown(host) : null }))
        {
            await Assert.ThrowsAsync<HypervisorException>(() => site.MigrateAsync(fleet));
        }

        var before = await site.PlacesAsync();
        await using var other = await site.StartAsync(new Controller());
        var operation = Assert.Single(await site.UnfinishedAsync());
        var theirs = operation with { Owner = operation.Owner with { ProcessId = 0, ProcessStartedAt = DateTimeOffset.UnixEpoch } };
        Assert.True(
            (await new OperationRepair(other, site.Journal, site.Time).RepairAsync(theirs, isOwnerKnownDead: false, default)).IsRepaired);
        Assert.Equal(before, await site.PlacesAsync());
        Assert.Empty(await site.UnfinishedAsync());
    }

    /// <summary>The hosts tell what the journal would: who runs it, and whose copy was never started.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Without_the_journal_what_the_hosts_have_decides_or_nothing_is_done(bool isStrict)
    {
        var decided = 0;
        for (var moment = 1; moment <= 60; moment++)
        {
            await using var site = await Site.OpenAsync();
            var controller = new Controller { DiesAt = moment };
            await using (var fleet = await site.StartAsync(controller))
            {
                try
                {
                    await site.MigrateAsync(fleet, new SpeculationOptions { Replicas = 2, IsStrict = isStrict });
                }
                catch (ControllerDiedException)
                {
                    // That is what this is about.
                }

                controller.Die();
            }

            var before = await site.PlacesAsync();
            Assert.All(await site.RepairOrphansAsync(isJournalGone: true), result => Assert.True(
                result.IsRepaired, $"death at {moment}: {result}"));
            await site.AssertOneCopyAsync($"death at {moment}, {string.Join(", ", before)}");
            await site.AssertNoMarksAsync($"death at {moment}");
            decided += before.Count(place => place is not VMWhereabouts.Absent) > 1 ? 1 : 0;
        }

        Assert.True(decided > 5, $"{decided} deaths left more than one copy");
    }

    [Fact]
    public async Task Without_the_journal_a_host_that_does_not_answer_stops_everything()
    {
        await using var site = await Site.OpenAsync();
        Func<string, string, bool, HypervisorException?> fault = (host, call, isDone) =>
            call is "confirm" && !isDone ? Unknown(host) : (host, call) is ("kvm03", "place") ? Definite(host) : null;
        await using (var fleet = await site.StartAsync(new Controller { Fault = fault }))
        {
            await Assert.ThrowsAsync<HypervisorException>(() => site.MigrateAsync(fleet));
        }

        var before = await site.PlacesAsync();
        Assert.All(await site.RepairOrphansAsync(isJournalGone: true, new Controller { Fault = fault }), result => Assert.Contains(
            "kvm03", result.Message, StringComparison.Ordinal));
        Assert.Equal(before, await site.PlacesAsync());
    }

    private static async Task<int> RunAsync(bool isStrict, string first, string second, bool isReversed, int diesAt)
    {
        await using var site = await Site.OpenAsync();
        var arrived = 0;
        var other = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var controller = new Controller
        {
            DiesAt = diesAt,
            Fault = (host, call, isDone) =>
            {
                var planned = host switch { "kvm02" => first, "kvm03" => second, _ => "" };
                return planned == call && !isDone ? Definite(host) : planned == $"answer of {call}" && isDone ? Unknown(host) : null;
            },
            // The two targets are prepared in one order and in the other.
            Turn = async (host, call) =>
            {
                if (isReversed && call is "prepare")
                {
                    if (host is "kvm02" && Interlocked.Increment(ref arrived) == 1)
                    {
                        await other.Task;
                    }
                    else
                    {
                        other.TrySetResult();
                    }
                }
            },
        };
        var because = $"{(isStrict ? "strict, " : "")}{first} on the first, {second} on the second, "
            + $"{(isReversed ? "reversed, " : "")}death at {diesAt}";
        await using (var fleet = await site.StartAsync(controller))
        {
            try
            {
                await site.MigrateAsync(fleet, new SpeculationOptions { IsStrict = isStrict });
            }
            catch (Exception e) when (e is ControllerDiedException or SpeculationFailedException)
            {
                // That is what this is about.
            }

            controller.Die();
        }

        Assert.True((await site.PlacesAsync()).Count(place => place is VMWhereabouts.Running) <= 1, because);
        Assert.All(await site.RepairAsync(), result => Assert.True(result.IsRepaired, $"{because}: {result}"));
        await site.AssertOneCopyAsync(because);
        Assert.DoesNotContain(await site.UnfinishedAsync(), operation => operation.Kind is OperationKind.SpeculativeMigrate);
        return controller.Moments;
    }
}
