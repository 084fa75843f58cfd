using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Journal;
using Kumoi.Speculation;
using Kumoi.Speculation.Start;
using Xunit;

namespace Kumoi.Tests.Speculation;

/// <summary>A VM that is started on one of several hosts: one of them lets it run, whatever fails, and whenever the controller dies.</summary>
public sealed class SpeculativeStartTests
{
    private static HypervisorException Definite(string host) => new($"{host} says no", FaultDomain.Host);

    private static HypervisorException Unknown(string host) =>
        new($"no answer from {host}", FaultDomain.Host, outcomeUnknown: true, error: HypervisorError.ConnectionFailed);

    /// <summary>A controller whose calls to other hosts wait until the first one has won, or has failed.</summary>
    private static Controller InOrder(string first, Func<string, string, bool, HypervisorException?>? fault = null)
    {
        var settled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Controller? controller = null;
        return controller = new Controller
        {
            Turn = (host, call) => host != first && call is "start" ? Task.WhenAny(settled.Task, controller!.Death) : Task.CompletedTask,
            Fault = (host, call, isDone) =>
            {
                if (host == first && call is "resume")
                {
                    settled.TrySetResult();
                }

                return fault?.Invoke(host, call, isDone);
            },
        };
    }

    private static async Task<Site> OpenAsync(bool hasHome, int hosts = 3)
    {
        var site = await Site.OpenAsync(hosts);
        await site.TurnOffAsync(hasHome);
        return site;
    }

    [Fact]
    public async Task A_new_VM_runs_on_the_first_host_that_has_it_and_the_others_keep_nothing()
    {
        await using var site = await OpenAsync(hasHome: false);
        var controller = InOrder("kvm01");
        await using var fleet = await site.StartAsync(controller);
        var result = await site.PowerOnAsync(fleet, hasHome: false, [1, 2, 3]);
        Assert.Equal("kvm01", await site.AssertOneCopyAsync("made"));
        Assert.Equal(("kvm01", PowerState.Running, Site.VM), (result.VM.VMHost, result.VM.State, result.VM.Name));
        Assert.Equal([true, false, false], result.Replicas.Select(replica => replica.IsWinner));
        Assert.Single(controller.Calls, call => call.StartsWith("resume", StringComparison.Ordinal));
        await site.AssertNoMarksAsync("made");
        Assert.Empty(await site.UnfinishedAsync());
    }

    [Fact]
    public async Task A_VM_that_is_off_goes_with_its_definition_to_the_host_that_starts_it()
    {
        await using var site = await OpenAsync(hasHome: true);
        await using var fleet = await site.StartAsync(InOrder("kvm02"));
        var result = await site.PowerOnAsync(fleet, hasHome: true, [2, 3]);
        Assert.Equal("kvm02", await site.AssertOneCopyAsync("started"));
        Assert.Equal(site.Id, result.VM.Id);
        await site.AssertNoMarksAsync("started");
    }

    [Fact]
    public async Task Its_own_host_can_win()
    {
        await using var site = await OpenAsync(hasHome: true);
        await using var fleet = await site.StartAsync(new Controller { Fault = (host, call, _) => (host, call) is ("kvm02", "define") ? Definite(host) : null });
        await site.PowerOnAsync(fleet, hasHome: true, [2, 1]);
        Assert.Equal("kvm01", await site.AssertOneCopyAsync("home"));
        await site.AssertNoMarksAsync("home");
    }

    [Fact]
    public async Task The_next_host_takes_the_place_of_one_that_fails()
    {
        await using var site = await OpenAsync(hasHome: false, hosts: 4);
        var controller = new Controller { Fault = (host, call, _) => (host, call) is ("kvm01", "define") or ("kvm02", "start") ? Definite(host) : null };
        await using var fleet = await site.StartAsync(controller);
        var result = await site.PowerOnAsync(fleet, hasHome: false, [1, 2, 3, 4], new SpeculationOptions { Replicas = 1 });
        Assert.Equal("kvm03", await site.AssertOneCopyAsync("next"));
        Assert.Equal(["kvm01", "kvm02", "kvm03"], result.Replicas.Select(replica => replica.VMHost));
        Assert.DoesNotContain("define kvm04", controller.Calls);
    }

    [Theory]
    [InlineData("define", false)]
    [InlineData("start", false)]
    [InlineData("resume", false)]
    [InlineData("define", true)]
    [InlineData("start", true)]
    [InlineData("resume", true)]
    [InlineData("mark", true)]
    public async Task Where_no_host_lets_it_run_the_VM_is_as_it_was(string step, bool hasHome)
    {
        await using var site = await OpenAsync(hasHome);
        await using var fleet = await site.StartAsync(new Controller { Fault = (host, call, isDone) => call == step && !isDone ? Definite(host) : null });
        var failure = await Assert.ThrowsAnyAsync<Exception>(() => site.PowerOnAsync(fleet, hasHome, [2, 3]));
        Assert.EndsWith("says no", (failure as SpeculationFailedException)?.InnerException!.Message ?? failure.Message, StringComparison.Ordinal);
        Assert.Equal([hasHome ? VMWhereabouts.Off : VMWhereabouts.Absent, VMWhereabouts.Absent, VMWhereabouts.Absent], await site.PlacesAsync());
        await site.AssertNoMarksAsync(step);
        Assert.Empty(await site.UnfinishedAsync());
    }

    [Fact]
    public async Task An_answer_that_is_lost_is_no_failure_the_host_tells()
    {
        await using var site = await OpenAsync(hasHome: false);
        var controller = InOrder("kvm01", (host, call, isDone) => (host, call, isDone) is ("kvm01", "resume", true) ? Unknown(host) : null);
        await using var fleet = await site.StartAsync(controller);
        await site.PowerOnAsync(fleet, hasHome: false, [1, 2]);
        Assert.Equal("kvm01", await site.AssertOneCopyAsync("answer lost"));
        Assert.DoesNotContain("resume kvm02", controller.Calls);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_host_that_may_run_it_and_does_not_answer_any_more_stops_everything_until_it_does(bool hasHome)
    {
        await using var site = await OpenAsync(hasHome);
        var silent = false;
        Func<string, string, bool, HypervisorException?> fault = (host, call, isDone) =>
        {
            silent |= (host, call, isDone) is ("kvm02", "resume", true);
            return silent && host is "kvm02" ? isDone && call is "resume" ? Unknown(host) : new($"{host} is silent", FaultDomain.Host, error: HypervisorError.ConnectionFailed) : null;
        };
        await using var fleet = await site.StartAsync(InOrder("kvm02", fault));
        var failure = await Assert.ThrowsAsync<HypervisorException>(() => site.PowerOnAsync(fleet, hasHome, [2, 3]));
        Assert.True(failure.OutcomeUnknown);
        Assert.Equal([hasHome ? VMWhereabouts.Off : VMWhereabouts.Absent, VMWhereabouts.Running, VMWhereabouts.Absent], await site.PlacesAsync());
        Assert.Contains(await site.UnfinishedAsync(), operation => operation.Kind is OperationKind.SpeculativeStart);

        Assert.False(Assert.Single(await site.RepairAsync(new Controller { Fault = fault })).IsRepaired);
        var repaired = Assert.Single(await site.RepairAsync());
        Assert.Equal((true, "kvm02"), (repaired.IsRepaired, repaired.VMHost));
        Assert.Equal("kvm02", await site.AssertOneCopyAsync("repaired"));
        await site.AssertNoMarksAsync("repaired");
    }

    [Fact]
    public async Task A_VM_that_somebody_starts_meanwhile_is_started_nowhere_else()
    {
        await using var site = await OpenAsync(hasHome: true);
        var controller = new Controller
        {
            Turn = (host, call) => (host, call) is ("kvm02", "start") ? site.Observe(1).SendAsync(new StartVM(site.Id, Paused: false), default).AsTask() : Task.CompletedTask,
        };
        await using var fleet = await site.StartAsync(controller);
        var failure = await Assert.ThrowsAsync<HypervisorException>(() => site.PowerOnAsync(fleet, hasHome: true, [2, 3], new SpeculationOptions { Replicas = 1 }));
        Assert.Equal(FaultDomain.VM, failure.FaultDomain);
        Assert.Equal("kvm01", await site.AssertOneCopyAsync("started by somebody"));
    }

    [Fact]
    public async Task Cancelled_before_a_host_is_named_it_leaves_nothing()
    {
        await using var site = await OpenAsync(hasHome: false);
        using var stop = new CancellationTokenSource();
        var cancelling = new Lazy<Task>(stop.CancelAsync);
        await using var fleet = await site.StartAsync(new Controller { Turn = (_, call) => call is "start" ? cancelling.Value : Task.CompletedTask });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => site.PowerOnAsync(fleet, hasHome: false, [1, 2], cancellationToken: stop.Token));
        Assert.All(await site.PlacesAsync(), place => Assert.Equal(VMWhereabouts.Absent, place));
        Assert.DoesNotContain(await site.UnfinishedAsync(), operation => operation.Kind is OperationKind.SpeculativeStart);
    }

    [Fact]
    public async Task Hedged_the_next_replica_begins_when_one_takes_too_long_and_both_race()
    {
        await using var site = await OpenAsync(hasHome: false);
        var slow = new TaskCompletionSource();
        var begun = new TaskCompletionSource();
        await using var fleet = await site.StartAsync(new Controller
        {
            Turn = (host, call) =>
            {
                if ((host, call) is ("kvm01", "start"))
                {
                    begun.TrySetResult();
                    return slow.Task;
                }

                return Task.CompletedTask;
            },
            Fault = (host, call, _) =>
            {
                // The slow one is there when the other has won.
                if (call is "resume")
                {
                    slow.TrySetResult();
                }

                return null;
            },
        });
        var starting = site.PowerOnAsync(fleet, hasHome: false, [1, 2, 3], new SpeculationOptions { Replicas = 2, HedgeDelay = TimeSpan.FromSeconds(30) });
        await begun.Task;
        Assert.Equal([VMWhereabouts.Off, VMWhereabouts.Absent, VMWhereabouts.Absent], await site.PlacesAsync());
        site.Time.Advance(TimeSpan.FromSeconds(31));
        var result = await starting;
        Assert.Equal("kvm02", result.VM.VMHost);
        Assert.Equal("kvm02", await site.AssertOneCopyAsync("hedged"));
        Assert.Equal(["kvm01", "kvm02"], result.Replicas.Select(replica => replica.VMHost));
    }

    [Fact]
    public async Task Replicas_that_would_write_to_the_same_disk_are_there_one_at_a_time()
    {
        await using var site = await OpenAsync(hasHome: false);
        var controller = new Controller { Fault = (host, call, _) => (host, call) is ("kvm01", "start") ? Definite(host) : null };
        await using var fleet = await site.StartAsync(controller);
        await site.PowerOnAsync(fleet, hasHome: false, [1, 2, 3], disk: "/shared/web.qcow2");
        Assert.Equal("kvm02", await site.AssertOneCopyAsync("disk"));
        Assert.True(controller.Calls.IndexOf("undo kvm01") < controller.Calls.IndexOf("define kvm02"));
        Assert.DoesNotContain("define kvm03", controller.Calls);
    }

    [Fact]
    public async Task A_failure_of_the_VM_burns_through_no_hosts()
    {
        await using var site = await OpenAsync(hasHome: false, hosts: 5);
        var controller = new Controller { Fault = (_, call, isDone) => call is "start" && !isDone ? new("its disk is broken", FaultDomain.VM) : null };
        await using var fleet = await site.StartAsync(controller);
        await Assert.ThrowsAsync<SpeculationFailedException>(() => site.PowerOnAsync(fleet, hasHome: false, [1, 2, 3, 4, 5], new SpeculationOptions { Replicas = 1 }));
        Assert.Single(controller.Calls, call => call.StartsWith("define", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_is_left_on_a_host_that_does_not_answer_is_removed_when_it_does()
    {
        await using var site = await OpenAsync(hasHome: false);
        await using (var fleet = await site.StartAsync(InOrder("kvm01", (host, call, isDone) => (host, call) is ("kvm02", "undo") && !isDone ? Definite(host) : null)))
        {
            var result = await site.PowerOnAsync(fleet, hasHome: false, [1, 2]);
            Assert.Equal([true, false], result.Replicas.Select(replica => replica.IsClean));
        }

        Assert.NotEqual(VMWhereabouts.Absent, (await site.PlacesAsync())[1]);
        Assert.True(Assert.Single(await site.RepairAsync()).IsRepaired);
        Assert.Equal("kvm01", await site.AssertOneCopyAsync("repaired"));
        Assert.DoesNotContain(await site.UnfinishedAsync(), operation => operation.Kind is OperationKind.SpeculativeStart);
    }

    /// <summary>Every moment of every interleaving of two replicas' steps, in every course of events that one fault on each of them can give.</summary>
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

    /// <summary>Random courses of events, with faults of all kinds, deaths among them.</summary>
    [Fact]
    public async Task Ten_thousand_operations_with_faults_start_no_VM_twice_and_lose_none()
    {
        var seed = Environment.GetEnvironmentVariable("KUMOI_SPECULATION_SEED") is { } given ? int.Parse(given, System.Globalization.CultureInfo.InvariantCulture) : Random.Shared.Next();
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
                        return !calls.Contains(call) || faults.NextDouble() >= share / 2 ? null : isDone || faults.Next(4) == 0 ? Unknown(host) : Definite(host);
                    }
                },
            };
            var because = $"seed {seed}, operation {i}";
            var first = random.Next(2);
            var options = new SpeculationOptions { Replicas = 1 + random.Next(3) };
            string? disk = random.Next(4) == 0 ? "/shared/web.qcow2" : null;
            await using (var fleet = await site.StartAsync(controller))
            {
                try
                {
                    await site.PowerOnAsync(fleet, hasHome, Enumerable.Range(1, fleet.Hosts.Count).Skip(first), options, disk);
                }
                catch (Exception e) when (e is ControllerDiedException or HypervisorException or SpeculationFailedException or JournalException)
                {
                    // That is what this is about.
                }

                controller.Die();
            }

            await AssertRepairedAsync(site, hasHome, random.Next(4) == 0, because);
        }
    }

    private static async Task AssertRepairedAsync(Site site, bool hasHome, bool isJournalGone, string because)
    {
        var before = await site.PlacesAsync();
        Assert.True(before.Count(place => place is VMWhereabouts.Running) <= 1, $"{because}: {string.Join(", ", before)}");
        if (isJournalGone && (await site.RepairOrphansAsync(isJournalGone: true)).Find(result => !result.IsRepaired) is { } unknown)
        {
            // Two copies were named, and none of them runs: nothing was done, and it takes the journal to know.
            Assert.Contains("may have run on", unknown.Message, StringComparison.Ordinal);
            Assert.Equal(before, await site.PlacesAsync());
            isJournalGone = false;
        }

        var repaired = isJournalGone ? [] : await site.RepairAsync();

        // What the journal takes for ended, the hosts tell.
        repaired.AddRange(await site.RepairOrphansAsync(isJournalGone));
        Assert.All(repaired, result => Assert.True(result.IsRepaired, $"{because}: {result}"));
        var after = await site.PlacesAsync();
        var found = $"{because}: {string.Join(", ", before)} became {string.Join(", ", after)}";
        if (before.Contains(VMWhereabouts.Running))
        {
            Assert.True(after.Count(place => place is not VMWhereabouts.Absent) == 1, found);
            Assert.Equal(before.ToList().IndexOf(VMWhereabouts.Running), after.ToList().IndexOf(VMWhereabouts.Running));
        }
        else
        {
            // Nothing of it, or, where it has a home, exactly one; off unless it was let run by the repair.
            Assert.True(after.Count(place => place is not VMWhereabouts.Absent) <= 1, found);
            Assert.True(after.All(place => place is VMWhereabouts.Absent or VMWhereabouts.Off or VMWhereabouts.Running), found);
            Assert.True(!hasHome || after.Any(place => place is VMWhereabouts.Off or VMWhereabouts.Running), found);
        }

        await site.AssertNoMarksAsync(because);
        Assert.True(isJournalGone || !(await site.UnfinishedAsync()).Exists(operation => operation.Kind is OperationKind.SpeculativeStart), because);
    }

    /// <summary>One course of events, and its repair. Returns how many moments it had.</summary>
    /// <param name="hasHome">The VM is off on kvm01.</param>
    /// <param name="first">What fails on kvm02.</param>
    /// <param name="second">What fails on kvm03.</param>
    /// <param name="order">Whose step is next, 2 or 3: each host's first step is the making of the replica, its second one the paused start.</param>
    /// <param name="diesAt">The moment at which the controller dies; 0: never.</param>
    private static async Task<int> RunAsync(bool hasHome, string first, string second, string order, int diesAt)
    {
        await using var site = await OpenAsync(hasHome);
        string[] steps = [.. order.Select((digit, i) => $"{(order[..i].Contains(digit, StringComparison.Ordinal) ? "start" : "define")} kvm0{digit}")];
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
