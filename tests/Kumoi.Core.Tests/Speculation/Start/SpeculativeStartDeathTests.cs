using Kumoi.Hypervisors;
using Kumoi.Journal;
using Kumoi.Speculation;
using Xunit;
using static Kumoi.Tests.Speculation.HostFailures;
using static Kumoi.Tests.Speculation.Start.SpeculativeStartSite;

namespace Kumoi.Tests.Speculation.Start;

/// <summary>A controller that has died: one copy of the VM is left, or none.</summary>
public sealed class SpeculativeStartDeathTests
{
    [Fact]
    public async Task What_is_left_on_a_host_that_does_not_answer_is_removed_when_it_does()
    {
        await using var site = await OpenAsync(hasHome: false);
        await using (var fleet = await site.StartAsync(
            InOrder("kvm01", (host, call, isDone) => (host, call) is ("kvm02", "undo") && !isDone ? Definite(host) : null)))
        {
            var result = await site.PowerOnAsync(fleet, hasHome: false, [1, 2]);
            Assert.Equal([true, false], result.Replicas.Select(replica => replica.IsClean));
        }

        Assert.NotEqual(VMWhereabouts.Absent, (await site.PlacesAsync())[1]);
        Assert.True(Assert.Single(await site.RepairAsync()).IsRepaired);
        Assert.Equal("kvm01", await site.AssertOneCopyAsync("repaired"));
        Assert.DoesNotContain(await site.UnfinishedAsync(), operation => operation.Kind is OperationKind.SpeculativeStart);
    }

    /// <summary>
    /// Every moment of every interleaving of two replicas' steps, in every course of events that one fault on each of them can give.
    /// </summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Whenever_the_controller_dies_repair_leaves_one_copy_or_none(bool hasHome)
    {
        string[] faults = ["", "define", "start", "resume", "answer of resume"];
        string[] orders = ["2233", "2323", "2332", "3223", "3232", "3322"];
        var courses = from first in faults
                      from second in faults
                      from order in orders
                      select (first, second, order);
        var deaths = 0;
        foreach (var (first, second, order) in courses)
        {
            var moments = await RunAsync(hasHome, first, second, order, diesAt: 0);
            for (var moment = 1; moment <= moments; moment++, deaths++)
            {
                await RunAsync(hasHome, first, second, order, moment);
            }
        }

        Assert.True(deaths > 5_000, $"{deaths} deaths");
    }

    /// <summary>The mark that names the copy is set, its answer is lost, and so is the removal of the copy; then the journal.</summary>
    [Fact]
    public async Task A_copy_that_may_have_been_named_is_the_only_one_after_a_repair_without_the_journal()
    {
        await using var site = await OpenAsync(hasHome: true);
        var controller = new Controller
        {
            Fault = (host, call, isDone) => (host, call, isDone) switch
            {
                ("kvm02", "mark", true) => Unknown(host),
                ("kvm02", "undo", false) => Definite(host),
                ("kvm03", "define", false) => Definite(host),
                _ => null,
            },
        };
        await using (var fleet = await site.StartAsync(controller))
        {
            await Assert.ThrowsAsync<SpeculationFailedException>(() => site.PowerOnAsync(fleet, hasHome: true, [2, 3]));
            controller.Die();
        }

        await AssertRepairedAsync(site, hasHome: true, isJournalGone: true, "the answer of the naming and the removal were lost");
    }

    /// <summary>Random courses of events, with faults of all kinds, deaths among them.</summary>
    [Fact]
    public async Task Ten_thousand_operations_with_faults_start_no_VM_twice_and_lose_none()
    {
        var seed = Environment.GetEnvironmentVariable("KUMOI_SPECULATION_SEED") is { } given
            ? int.Parse(given, System.Globalization.CultureInfo.InvariantCulture) : Random.Shared.Next();
        var random = new Random(seed);
        string[] calls = ["mark", "unmark", "define", "start", "resume", "place", "undo", "destroy", "undefine", "xml"];
        for (var i = 0; i < 10_000; i++)
        {
            var hasHome = random.Next(2) == 0;
            await using var site = await OpenAsync(hasHome, 2 + random.Next(3));
            var faults = new Random(random.Next());
            var share = random.NextDouble() * 0.3;
            var controller = new Controller
            {
                DiesAt = random.Next(3) == 0 ? 1 + random.Next(60) : 0,
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
            var first = random.Next(2);
            var options = new SpeculationOptions { Replicas = 1 + random.Next(3) };
            var disk = random.Next(4) == 0 ? "/shared/web.qcow2" : null;
            await using (var fleet = await site.StartAsync(controller))
            {
                try
                {
                    await site.PowerOnAsync(fleet, hasHome, Enumerable.Range(1, fleet.Hosts.Count).Skip(first), options, disk);
                }
                catch (Exception e) when (e
                    is ControllerDiedException or HypervisorException or SpeculationFailedException or JournalException)
                {
                    // That is what this is about.
                }

                controller.Die();
            }

            await AssertRepairedAsync(site, hasHome, random.Next(4) == 0, because);
        }
    }

    /// <summary>One course of events, and its repair. Returns how many moments it had.</summary>
    /// <param name="hasHome">The VM is off on kvm01.</param>
    /// <param name="first">What fails on kvm02.</param>
    /// <param name="second">What fails on kvm03.</param>
    /// <param name="order">
    /// Whose step is next, 2 or 3: each host's first step is the making of the replica, its second one the paused start.
    /// </param>
    /// <param name="diesAt">The moment at which the controller dies; 0: never.</param>
    private static async Task<int> RunAsync(bool hasHome, string first, string second, string order, int diesAt)
    {
        await using var site = await OpenAsync(hasHome);
        string[] steps =
            [.. order.Select((digit, i) => $"{(order[..i].Contains(digit, StringComparison.Ordinal) ? "start" : "define")} kvm0{digit}")];
        var ended = steps.ToDictionary(step => step, _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        Controller? controller = null;
        controller = new Controller
        {
            DiesAt = diesAt,
            Fault = (host, call, isDone) =>
            {
                var planned = host switch { "kvm02" => first, "kvm03" => second, _ => "" };
                var fails = planned == call && !isDone;
                if (fails || isDone)
                {
                    ended.GetValueOrDefault($"{call} {host}")?.TrySetResult();
                }

                if (fails)
                {
                    // What is not made is not started.
                    ended.GetValueOrDefault($"start {host}")?.TrySetResult();
                }

                return fails ? Definite(host) : planned == $"answer of {call}" && isDone ? Unknown(host) : null;
            },
            Turn = async (host, call) =>
            {
                foreach (var before in steps.Take(Array.IndexOf(steps, $"{call} {host}")))
                {
                    await Task.WhenAny(ended[before].Task, controller!.Death);
                }
            },
        };
        var because = $"{first} on the first, {second} on the second, in the order {order}, death at {diesAt}";
        await using (var fleet = await site.StartAsync(controller))
        {
            try
            {
                await site.PowerOnAsync(fleet, hasHome, [2, 3]);
            }
            catch (Exception e) when (e is ControllerDiedException or SpeculationFailedException or HypervisorException)
            {
                // That is what this is about.
            }

            controller.Die();
        }

        await AssertRepairedAsync(site, hasHome, isJournalGone: false, because);
        return controller.Moments;
    }
}
