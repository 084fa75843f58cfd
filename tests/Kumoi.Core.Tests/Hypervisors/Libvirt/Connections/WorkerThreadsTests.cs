using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Libvirt.Connections;
using Xunit;

namespace Kumoi.Tests.Hypervisors.Libvirt.Connections;

public sealed class WorkerThreadsTests
{
    private readonly CancellationToken _deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60)).Token;

    [Fact]
    public async Task Work_runs_on_a_thread_of_its_own()
    {
        await using var threads = new WorkerThreads(maxThreads: 2);

        Assert.False(await threads.RunAsync(static () => Thread.CurrentThread.IsThreadPoolThread, _deadline));
    }

    [Fact]
    public async Task Calls_on_many_hosts_run_side_by_side_although_none_of_them_ends_before_the_others()
    {
        const int Hosts = 50;
        using var all = new CountdownEvent(Hosts);
        List<WorkerThreads> hosts = [.. Enumerable.Range(0, Hosts).Select(_ => new WorkerThreads(maxThreads: 1))];

        // By several at once: one of them starts a thread, and the others leave theirs to it.
        await Task.WhenAll(hosts.Select(host => Task.Run(() => host.RunAsync(
            () =>
            {
                all.Signal();
                all.Wait(_deadline);
                return true;
            },
            _deadline))));

        await Task.WhenAll(hosts.Select(host => host.DisposeAsync().AsTask()));
    }

    [Fact]
    public async Task Cancelling_does_not_wait_for_a_call_that_blocks_and_its_result_is_not_lost()
    {
        await using var threads = new WorkerThreads(maxThreads: 1);
        using var release = new ManualResetEventSlim();
        var started = new TaskCompletionSource();
        var abandoned = new TaskCompletionSource<string>();
        var disposed = new TaskCompletionSource();
        using var cancel = new CancellationTokenSource();

        var call = threads.RunAsync(
            () =>
            {
                started.SetResult();
                release.Wait(_deadline);
                return new Result("late", disposed);
            },
            cancel.Token,
            late => abandoned.SetResult(late.Name));
        await started.Task.WaitAsync(_deadline);
        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call.WaitAsync(_deadline));
        release.Set();
        Assert.Equal("late", await abandoned.Task.WaitAsync(_deadline));
        await disposed.Task.WaitAsync(_deadline);
    }

    [Fact]
    public async Task Work_that_was_cancelled_while_it_waited_never_runs()
    {
        await using var threads = new WorkerThreads(maxThreads: 1);
        using var release = new ManualResetEventSlim();
        using var cancel = new CancellationTokenSource();
        var hasRun = false;
        var first = threads.RunAsync(() => { release.Wait(_deadline); return true; }, _deadline);
        var second = threads.RunAsync(() => hasRun = true, cancel.Token);

        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second);
        release.Set();

        await first;
        await threads.RunAsync(static () => true, _deadline); // comes after the cancelled one
        Assert.False(hasRun);
    }

    [Fact]
    public async Task What_was_cancelled_is_over_when_its_result_has_been_dealt_with()
    {
        await using var threads = new WorkerThreads(maxThreads: 1);
        using var release = new ManualResetEventSlim();
        var started = new TaskCompletionSource();
        var over = new TaskCompletionSource<string>();
        using var cancel = new CancellationTokenSource();
        var last = "began";
        var call = threads.RunAsync(
            () =>
            {
                started.SetResult();
                return release.Wait(Timeout.InfiniteTimeSpan, _deadline);
            },
            cancel.Token,
            abandoned: _ => last = "abandoned",
            over: () => over.SetResult(last));
        await started.Task.WaitAsync(_deadline);

        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);

        Assert.False(over.Task.IsCompleted);
        release.Set();
        Assert.Equal("abandoned", await over.Task.WaitAsync(_deadline));
    }

    [Fact]
    public async Task Work_that_never_began_is_over_too()
    {
        var threads = new WorkerThreads(maxThreads: 1);
        var refused = new TaskCompletionSource();
        var cancelled = new TaskCompletionSource();
        await threads.DisposeAsync();

        await IsClosedAsync(() => threads.RunAsync(static () => true, _deadline, over: refused.SetResult), outcomeUnknown: false);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => threads.RunAsync(static () => true, new CancellationToken(canceled: true), over: cancelled.SetResult));

        Assert.True(refused.Task.IsCompleted);
        Assert.True(cancelled.Task.IsCompleted);
    }

    [Fact]
    public async Task Disposing_waits_for_what_runs_and_refuses_what_waits()
    {
        var threads = new WorkerThreads(maxThreads: 1);
        using var release = new ManualResetEventSlim();
        var started = new TaskCompletionSource();
        var running = threads.RunAsync(() => { started.SetResult(); release.Wait(_deadline); return true; }, _deadline);
        var waiting = threads.RunAsync(static () => true, _deadline);
        await started.Task.WaitAsync(_deadline);

        var disposing = threads.DisposeAsync().AsTask();

        await IsClosedAsync(() => waiting.WaitAsync(_deadline), outcomeUnknown: false);
        Assert.False(disposing.IsCompleted);
        release.Set();
        Assert.True(await running);
        await disposing;
        await IsClosedAsync(() => threads.RunAsync(static () => true, _deadline), outcomeUnknown: false);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Work_whose_connection_is_closed_under_it_has_lost_the_connection_and_a_change_its_outcome(bool isForReads)
    {
        await using var threads = new WorkerThreads(maxThreads: 1) { IsForReads = isForReads };

        await IsClosedAsync(() => threads.RunAsync<bool>(static () => throw new ObjectDisposedException("a handle"), _deadline),
            outcomeUnknown: !isForReads);
    }

    private static async Task IsClosedAsync(Func<Task> call, bool outcomeUnknown)
    {
        var failure = await Assert.ThrowsAsync<HypervisorException>(call);
        Assert.Equal((HypervisorError.ConnectionFailed, FaultDomain.Host, outcomeUnknown),
            (failure.Error, failure.FaultDomain, failure.OutcomeUnknown));
    }

    [Fact]
    public async Task All_threads_work_at_the_same_time_and_no_more()
    {
        await using var threads = new WorkerThreads(maxThreads: 3);
        using var together = new Barrier(3);
        var running = 0;
        var most = 0;

        await Task.WhenAll(Enumerable.Range(0, 9).Select(_ => threads.RunAsync(
            () =>
            {
                var now = Interlocked.Increment(ref running);
                InterlockedMax(ref most, now);
                Assert.True(together.SignalAndWait(TimeSpan.FromSeconds(60)));
                Interlocked.Decrement(ref running);
                return true;
            },
            _deadline)));

        Assert.Equal(3, most);
    }

    [Fact]
    public async Task A_failure_reaches_who_waits()
    {
        await using var threads = new WorkerThreads(maxThreads: 1);

        await Assert.ThrowsAsync<InvalidOperationException>(
            () => threads.RunAsync<bool>(static () => throw new InvalidOperationException("no"), _deadline));
    }

    private static void InterlockedMax(ref int target, int value)
    {
        var seen = Volatile.Read(ref target);
        while (value > seen)
        {
            var before = Interlocked.CompareExchange(ref target, value, seen);
            if (before == seen)
            {
                return;
            }

            seen = before;
        }
    }

    private sealed class Result(string name, TaskCompletionSource disposed) : IDisposable
    {
        public string Name => name;

        public void Dispose() => disposed.SetResult();
    }
}
