using Kumoi.Hypervisors;
using Kumoi.Speculation;
using Kumoi.Speculation.Repair;
using Xunit;

namespace Kumoi.Tests.Speculation;

/// <summary>
/// All courses of events with the faults that real hosts have too: an answer that comes seconds late, an effect that does, a guest that is
/// paused, off or crashed as soon as it runs, and a clock that is set, each with the controller's death at every moment.
/// </summary>
public sealed class FaultWalkTests
{
    private static readonly TimeSpan Tick = TimeSpan.FromSeconds(0.5);

    /// <summary>What becomes of the starting step on the host that gets it first.</summary>
    private static readonly string[] Fates =
        ["", "late answer", "late effect", "paused", "off", "crashed", "paused unanswered", "off unanswered", "refused"];

    public static TheoryData<string> AllFates() => [.. Fates];

    [Theory]
    [MemberData(nameof(AllFates))]
    public async Task A_migration_with_such_a_fault_leaves_one_copy_that_has_lost_nothing(string fate)
    {
        foreach (var isStrict in new[] { false, true })
        {
            foreach (var second in new[] { "", "prepare", "finish" })
            {
                for (var clock = -1; clock <= 1; clock++)
                {
                    var moments = 1;
                    for (var moment = 0; moment <= moments; moment++)
                    {
                        moments = Math.Max(moments, await MigrateAsync(isStrict, fate, second, TimeSpan.FromHours(clock), moment));
                    }
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(AllFates))]
    public async Task A_start_with_such_a_fault_leaves_one_copy_or_what_was_before(string fate)
    {
        foreach (var hasHome in new[] { false, true })
        {
            foreach (var hosts in hasHome ? (int[][])[[2, 3], [1, 2]] : [[2, 3]])
            {
                for (var clock = -1; clock <= 1; clock++)
                {
                    var moments = 1;
                    for (var moment = 0; moment <= moments; moment++)
                    {
                        moments = Math.Max(moments, await StartAsync(hasHome, hosts, fate, "resume", TimeSpan.FromHours(clock), moment));
                    }
                }
            }
        }
    }

    [Fact]
    public async Task A_start_at_home_that_takes_effect_late_leaves_the_VM_off_or_running_and_no_mark()
    {
        var moments = 1;
        for (var moment = 0; moment <= moments; moment++)
        {
            moments = Math.Max(moments, await StartAsync(hasHome: true, [1, 2], "late effect", "start", TimeSpan.Zero, moment));
        }
    }

    private static async Task<int> MigrateAsync(bool isStrict, string fate, string second, TimeSpan clock, int moment)
    {
        await using var site = await Site.OpenAsync();
        var course = new Course(site, "finish", fate, clock, moment) { Fails = (host, call) => (host, call) == ("kvm03", second) };
        var because = $"{(isStrict ? "strict, " : "")}'{fate}' on the first, '{second}' fails on kvm03, clock {clock}, death at {moment}";
        await course.RunAsync(fleet => site.MigrateAsync(fleet, new SpeculationOptions { Replicas = 2, IsStrict = isStrict }), because);
        Assert.True((await site.PlacesAsync()).Count(place => place is VMWhereabouts.Running) <= 1, because);
        await RepairAsync(site, clock, because);
        var places = await site.PlacesAsync();
        var found = $"{because}: {string.Join(", ", places)}";
        var at = Assert.Single(Enumerable.Range(1, places.Count), host => places[host - 1] is not VMWhereabouts.Absent);
        Assert.True(places[at - 1] is VMWhereabouts.Running
            || (course.StoppedOn == at && places[at - 1] is VMWhereabouts.Paused or VMWhereabouts.Off), found);
        await site.AssertOneCopyAsync(found, places[at - 1]);
        return course.Controller.Moments;
    }

    private static async Task<int> StartAsync(bool hasHome, int[] hosts, string fate, string step, TimeSpan clock, int moment)
    {
        await using var site = await Site.OpenAsync();
        await site.TurnOffAsync(hasHome);
        var course = new Course(site, step, fate, clock, moment);
        var because = $"{(hasHome ? "at home, " : "")}on {string.Join(", ", hosts)}, '{fate}' of {step}, clock {clock}, death at {moment}";
        await course.RunAsync(fleet => site.PowerOnAsync(fleet, hasHome, hosts, new SpeculationOptions { Replicas = 1 }), because);
        var before = await site.PlacesAsync();
        await RepairAsync(site, clock, because);
        var places = await site.PlacesAsync();
        var found = $"{because}: {string.Join(", ", before)} became {string.Join(", ", places)}";
        Assert.True(places.Count(place => place is not VMWhereabouts.Absent) <= 1, found);
        Assert.True(!(hasHome || before.Contains(VMWhereabouts.Running) || course.StoppedOn > 0)
            || places.Any(place => place is not VMWhereabouts.Absent), found);
        Assert.True(course.StoppedOn == 0 || places[course.StoppedOn - 1] is not VMWhereabouts.Absent, found);
        Assert.True(site.RolledBack == 0, $"{found}: the guest went back");
        return course.Controller.Moments;
    }

    private static async Task RepairAsync(Site site, TimeSpan clock, string because)
    {
        site.Time.Step(clock);
        Assert.All(await site.RepairAsync(), result => Assert.True(result.IsRepaired, $"{because}: {result}"));
        Assert.All(await site.RepairOrphansAsync(isJournalGone: false), result => Assert.True(result.IsRepaired, $"{because}: {result}"));
        await site.AssertNoMarksAsync(because);
        Assert.DoesNotContain(await site.UnfinishedAsync(), operation => OperationRepair.IsOnSeveralHosts(operation));
    }

    /// <summary>One course of events.</summary>
    private sealed class Course
    {
        private readonly Site _site;
        private readonly string _step;
        private readonly string _fate;
        private readonly TimeSpan _clock;
        private Task _late = Task.CompletedTask;
        private bool _isMet;
        private int _calls;

        public Course(Site site, string step, string fate, TimeSpan clock, int moment)
        {
            (_site, _step, _fate, _clock) = (site, step, fate, clock);
            Controller = new Controller { DiesAt = moment, Effect = EffectAsync, Turn = Turn, Fault = Fault };
        }

        public Controller Controller { get; }

        public Func<string, string, bool> Fails { get; init; } = (_, _) => false;

        /// <summary>The host, 1, 2, …, whose guest was stopped after it ran; 0: none.</summary>
        public int StoppedOn { get; private set; }

        public async Task RunAsync(Func<Kumoi.Fleets.Fleet, Task> operation, string because)
        {
            await using var fleet = await _site.StartAsync(Controller);
            try
            {
                await operation(fleet);
            }
            catch (Exception e) when (e is ControllerDiedException or SpeculationFailedException or HypervisorException)
            {
                Assert.True(e is not HypervisorException { OutcomeUnknown: false }, $"{because}: {e}");
            }

            Controller.Die();
            await _late;
        }

        /// <summary>The clock is set in the middle of it.</summary>
        private Task Turn(string host, string call)
        {
            if (++_calls == 10)
            {
                _site.Time.Step(_clock);
            }

            return Task.CompletedTask;
        }

        private HypervisorException? Fault(string host, string call, bool isDone) =>
            !isDone && Fails(host, call) ? new HypervisorException($"{host} says no", FaultDomain.Host) : null;

        private async Task EffectAsync(string host, string call, Func<Task> act)
        {
            if (call != _step || _isMet || _fate.Length == 0)
            {
                await act();
                return;
            }

            _isMet = true;
            var number = int.Parse(host.AsSpan(3), System.Globalization.CultureInfo.InvariantCulture);
            switch (_fate)
            {
                case "refused":
                    throw new HypervisorException($"{host} says no", FaultDomain.Host);
                case "late answer":
                    await act();
                    await WaitAsync();
                    return;
                case "late effect":
                    _late = LateAsync(act);
                    throw Unanswered(host);
            }

            await act();

            // A strict winner arrives paused: there is no guest yet that could stop.
            if ((await _site.PlacesAsync())[number - 1] is VMWhereabouts.Running)
            {
                _site.Happen(number,
                    _fate.Split(' ')[0] switch { "paused" => PowerState.Paused, "off" => PowerState.Shutoff, _ => PowerState.Crashed });
                StoppedOn = number;
            }

            if (_fate.EndsWith("unanswered", StringComparison.Ordinal))
            {
                throw Unanswered(host);
            }
        }

        private async Task LateAsync(Func<Task> act)
        {
            await WaitAsync();
            try
            {
                await act();
            }
            catch (HypervisorException)
            {
                // What it was meant for is gone, or was done by another call.
            }
        }

        /// <summary>Three seconds.</summary>
        private async Task WaitAsync()
        {
            for (var i = 0; i < 6; i++)
            {
                await Task.Delay(Tick, _site.Time);
            }
        }

        private static HypervisorException Unanswered(string host) =>
            new($"no answer from {host}", FaultDomain.Host, outcomeUnknown: true, error: HypervisorError.ConnectionFailed);
    }
}
