using System.Xml.Linq;
using Kumoi.FaultTolerance.Engines;
using Kumoi.FaultTolerance.Engines.LogReplay;
using Kumoi.FaultTolerance.Gates;
using Kumoi.FaultTolerance.Modes;
using Kumoi.Hypervisors;
using Xunit;

namespace Kumoi.Tests.FaultTolerance.Engines.LogReplay;

/// <summary>How far a replica is behind its VM, and when it is given up.</summary>
public sealed class ReplayCourseTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("kumoi-course-");
    private readonly ManualTime _time = new();
    private readonly PairPlan _plan;
    private readonly ConsoleLog _log;
    private readonly ConsoleGate _gate;

    public ReplayCourseTests()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "the console is a Unix socket");
        _plan = new PairPlan(Guid.NewGuid(), _folder.FullName, [], new PairGoals(1), []);
        _log = new ConsoleLog(PathOf("console.log"));
        _gate = new ConsoleGate(PathOf("console.sock"), _log, from: 0, int.MaxValue);
    }

    public void Dispose()
    {
        _gate.Dispose();
        _log.Dispose();
        _folder.Delete(recursive: true);
    }

    /// <summary>The log of a VM that stands still grows by each look at it: a VM that waited for its replay would wait for ever.</summary>
    [Fact]
    public async Task One_that_is_at_all_that_it_was_told_of_is_not_behind_however_long_the_log_is()
    {
        await using var stream = Stream(2 * (int)ReplayLag.MostBytes, TimeProvider.System);
        using var echo = Echo();
        var course = Course(stream, echo, new ScriptedQemu(), new ScriptedQemu());

        Assert.True(SpinWait.SpinUntil(() => stream.Sent == stream.Recorded, TimeSpan.FromSeconds(30)));
        Assert.Equal(ReplayLag.There(unsent: 0), course.Lag);
        Assert.True(course.Lag.IsNear);
    }

    /// <summary>QEMU writes its log in lots: on a busy machine a guest needs longer for one than anybody who stood still may need.</summary>
    [Fact]
    public async Task A_VM_that_is_slow_to_fill_its_log_is_waited_for_as_long_as_it_goes_on()
    {
        await using var stream = Stream(LogStream.Lot);
        using var echo = Echo();
        var primary = new ScriptedQemu { Pace = 1, IsRunning = true };
        var course = Course(stream, echo, primary, new ScriptedQemu());
        course.Follow(0);
        var offering = course.OfferAsync(1, TestContext.Current.CancellationToken);
        for (var step = 0; step < 10; step++)
        {
            await Task.WhenAny(offering, _time.WaitingAsync(_plan.CheckpointPatience)); // it has seen how things are by now
            Assert.False(offering.IsCompleted);
            _time.Advance(0.6 * _plan.CheckpointPatience);
        }

        Record(LogStream.Lot + 1);
        await GoOnUntilAsync(offering, () => offering.IsCompleted);
        Assert.True((await offering).Count > 0);
        await EndAsync(course);
    }

    [Fact]
    public async Task When_neither_the_VM_nor_its_replica_goes_on_the_replica_is_given_up()
    {
        await using var stream = Stream(LogStream.Lot);
        using var echo = Echo();
        var course = Course(stream, echo, new ScriptedQemu(), new ScriptedQemu());
        course.Follow(0);
        var offering = course.OfferAsync(1, TestContext.Current.CancellationToken);
        await GoOnUntilAsync(offering, () => offering.IsCompleted);

        var given = await Assert.ThrowsAsync<HypervisorException>(() => offering);

        Assert.Equal(HypervisorError.TimedOut, given.Error);
        await EndAsync(course);
    }

    [Theory]
    [InlineData("query-status")]
    [InlineData("query-replay")]
    [InlineData("replay-break")]
    [InlineData("cont")]
    public async Task A_call_that_fails_now_and_then_does_not_end_it_and_the_replica_comes_where_it_was_told_to_go(string command)
    {
        await using var stream = Stream(LogStream.Lot);
        using var echo = Echo();
        var primary = new ScriptedQemu { Pace = 1, IsRunning = true, Failures = { ["query-replay"] = 3 } };
        var replica = new ScriptedQemu { Pace = 1, Failures = { [command] = 3 } };
        var course = Course(stream, echo, primary, replica);
        course.Follow(0);
        var offering = course.OfferAsync(1, TestContext.Current.CancellationToken);
        await GoOnUntilAsync(offering, () => primary.Asked >= 10);
        Record(LogStream.Lot + 1);
        await GoOnUntilAsync(offering, () => offering.IsCompleted);
        var point = await offering;
        await GoOnUntilAsync(offering, () => course.Backup.Ahead.Count == 0);

        Assert.Equal(point.Count, replica.Count);
        await EndAsync(course);
    }

    [Fact]
    public async Task A_replica_that_somebody_has_stopped_on_its_way_is_let_go_on_and_not_taken_for_one_that_is_there()
    {
        await using var stream = Stream(LogStream.Lot);
        using var echo = Echo();
        var primary = new ScriptedQemu { Pace = 10_000, IsRunning = true };
        var replica = new ScriptedQemu { Pace = 1 };
        var course = Course(stream, echo, primary, replica);
        course.Follow(0);
        var offering = course.OfferAsync(1, TestContext.Current.CancellationToken);
        await GoOnUntilAsync(offering, () => primary.Asked >= 10);
        Record(LogStream.Lot + 1);
        await GoOnUntilAsync(offering, () => offering.IsCompleted);
        await GoOnUntilAsync(offering, () => replica.Count > 10);
        replica.IsRunning = false;
        await GoOnUntilAsync(offering, () => replica.IsRunning || course.Backup.Ahead.Count == 0);
        Assert.True(replica.IsRunning);
        Assert.NotEmpty(course.Backup.Ahead);

        await EndAsync(course);
    }

    /// <summary>
    /// The clock goes on, whenever all wait for it: who sends the log, looks at the VM, moves the replica, and the output until it is taken.
    /// </summary>
    private async Task GoOnUntilAsync(Task offering, Func<bool> isSo)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (!isSo())
        {
            patience.Token.ThrowIfCancellationRequested();
            if (_time.Waiting >= (offering.IsCompleted ? 3 : 4))
            {
                _time.Advance(TimeSpan.FromMilliseconds(10));
            }

            await Task.Yield();
        }
    }

    private ReplayCourse Course(LogStream stream, ReplicaConsole echo, ScriptedQemu primary, ScriptedQemu replica) =>
        new(_plan, new ReplayPoint(0, 0, 0, ""), _time)
        {
            Stream = stream,
            Live = new XElement("domain"),
            Attempt = "",
            Recording = "",
            Origin = 0,
            Primary = new QemuReplay(primary, _plan.VM, _time),
            Replica = new QemuReplay(replica, _plan.VM, _time),
            Successor = null!, // nobody takes over here
            Console = _gate,
            Echo = echo,
            Log = ReplayLog.Create(PathOf("messages")),
        };

    private static async Task EndAsync(ReplayCourse course)
    {
        await course.HaltAsync();
        course.Log.Dispose();
    }

    private LogStream Stream(int bytes, TimeProvider? time = null)
    {
        Record(bytes);
        return new LogStream(PathOf("record"), PathOf("log"), time ?? _time);
    }

    /// <summary>QEMU has written so much more.</summary>
    private void Record(int bytes)
    {
        using var record = new FileStream(PathOf("record"), FileMode.Append, FileAccess.Write, FileShare.ReadWrite);
        record.Write(new byte[bytes]);
    }

    private ReplicaConsole Echo()
    {
        var echo = new ReplicaConsole(PathOf("echo.sock"));
        echo.BeginAt(0);
        return echo;
    }

    private string PathOf(string name) => Path.Combine(_folder.FullName, name);
}
