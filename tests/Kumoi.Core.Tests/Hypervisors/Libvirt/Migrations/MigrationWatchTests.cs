using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Libvirt.Migrations;
using Xunit;

namespace Kumoi.Tests.Hypervisors.Libvirt.Migrations;

/// <summary>The call that moves a VM is ended from here when there is a reason, and never left behind without a word.</summary>
public sealed class MigrationWatchTests
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan BetweenAborts = TimeSpan.FromMilliseconds(100);

    [Fact]
    public async Task A_call_that_ends_by_itself_is_not_aborted()
    {
        var watch = new Watch(new ManualTime());
        await watch.WatchAsync(Task.CompletedTask, default);
        Assert.Equal(MigrationStop.None, watch.Stop);
        Assert.Equal(0, watch.Aborted.CurrentCount);
    }

    [Fact]
    public async Task A_call_that_is_cancelled_is_aborted_again_and_again_until_it_has_ended()
    {
        var time = new ManualTime();
        var watch = new Watch(time);
        var call = new TaskCompletionSource();
        using var stop = new CancellationTokenSource();
        var watching = watch.WatchAsync(call.Task, stop.Token);
        await stop.CancelAsync();

        // In its first moments there is no job that could be aborted, and the source may not answer.
        for (var i = 0; i < 3; i++)
        {
            await watch.Aborted.WaitAsync();
            time.Advance(BetweenAborts);
        }

        Assert.False(watching.IsCompleted);
        call.SetResult();
        await watching;
        Assert.Equal(MigrationStop.Cancelled, watch.Stop);
    }

    [Fact]
    public async Task A_call_that_gets_nowhere_is_aborted_and_what_wakes_the_watch_does_so_before_its_time()
    {
        var watch = new Watch(new ManualTime());
        var call = new TaskCompletionSource();
        var watching = watch.WatchAsync(call.Task, default);
        watch.Raise(MigrationStop.NoneLeft);
        await watch.Aborted.WaitAsync();
        call.SetResult();
        await watching;
        Assert.Equal(MigrationStop.NoneLeft, watch.Stop);
    }

    [Fact]
    public async Task A_call_that_does_not_end_although_it_was_aborted_is_a_failure()
    {
        var time = new ManualTime();
        var watch = new Watch(time);
        var watching = watch.WatchAsync(new TaskCompletionSource().Task, default);
        watch.Raise(MigrationStop.Stalled);
        await watch.Aborted.WaitAsync();
        time.Advance(TimeSpan.FromSeconds(31));
        var failure = await Assert.ThrowsAsync<HypervisorException>(() => watching);
        Assert.Equal("Stalled", failure.Message);
    }

    [Fact]
    public async Task A_call_that_has_not_gone_out_is_withdrawn_and_not_waited_for()
    {
        var watch = new Watch(new ManualTime()) { IsWithdrawn = true };
        await watch.WatchAsync(new TaskCompletionSource().Task, new CancellationToken(canceled: true));
        Assert.Equal(MigrationStop.Cancelled, watch.Stop);
        Assert.Equal(0, watch.Aborted.CurrentCount);
    }

    [Fact]
    public async Task What_the_job_was_is_told_with_each_tick_also_after_a_reading_that_failed()
    {
        var time = new ManualTime();
        var watch = new Watch(time);
        var call = new TaskCompletionSource();
        var watching = watch.WatchAsync(call.Task, default);
        for (var i = 1; i <= 4; i++)
        {
            time.Advance(Look);
            await watch.Read.WaitAsync();
        }

        call.SetResult();
        await watching;
        Assert.Equal(MigrationStop.None, watch.Stop);
        Assert.Equal([2, 4], watch.Noted.Select(job => job?.BytesProcessed));
    }

    /// <summary>Each abort fails, and each second reading succeeds.</summary>
    private sealed class Watch(TimeProvider time) : MigrationWatch(TimeSpan.FromSeconds(3), time)
    {
        private readonly TaskCompletionSource _alarm = new();
        private MigrationStop _stop;
        private int _readings;

        public SemaphoreSlim Aborted { get; } = new(0);

        public SemaphoreSlim Read { get; } = new(0);

        public List<MigrationProgress?> Noted { get; } = [];

        public bool IsWithdrawn { get; init; }

        protected override TimeSpan BetweenLooks => Look;

        protected override Task Alarm => _alarm.Task;

        protected override MigrationStop Reason => _stop;

        public void Raise(MigrationStop why)
        {
            _stop = why;
            _alarm.SetResult();
        }

        protected override Task<MigrationProgress?> ReadJobAsync()
        {
            var count = ++_readings;
            if (count % 2 == 0)
            {
                return Task.FromResult<MigrationProgress?>(new MigrationProgress(10, count, 10 - count, TimeSpan.Zero));
            }

            Read.Release();
            throw new HypervisorException("no answer", FaultDomain.Host);
        }

        protected override void Note(MigrationProgress? job)
        {
            Noted.Add(job);
            Read.Release();
        }

        protected override Task<bool> WithdrawAsync() => Task.FromResult(IsWithdrawn);

        protected override Task AbortAsync()
        {
            Aborted.Release();
            throw new HypervisorException("no answer", FaultDomain.Host);
        }

        protected override HypervisorException DoesNotEnd(MigrationStop stop) => new(stop.ToString(), FaultDomain.Host);
    }
}
