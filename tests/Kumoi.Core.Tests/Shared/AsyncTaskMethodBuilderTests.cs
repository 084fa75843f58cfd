using System.Runtime.CompilerServices;
using Xunit;

namespace Kumoi.Tests.Shared;

/// <summary>Asynchronous methods behave as with the framework's builder: these, too, are built by the product's.</summary>
public sealed class AsyncTaskMethodBuilderTests
{
    private static readonly AsyncLocal<string?> Local = new();

    public static TheoryData<Type> Assemblies => new(
        typeof(Kumoi.Fleets.Fleet), typeof(Kumoi.Resilience.PollyCallPolicyFactory), typeof(Kumoi.Journal.Sqlite.SqliteJournal),
        typeof(AsyncTaskMethodBuilderTests));

    /// <summary>The compiler takes an assembly's own builder, if there is one, without a word.</summary>
    [Theory]
    [MemberData(nameof(Assemblies))]
    public void Every_asynchronous_method_that_answers_a_task_or_enumerates_is_built_by_it(Type of)
    {
        var builders = of.Assembly.GetTypes()
            .Select(static type => type.GetField("<>t__builder")?.FieldType)
            .Where(static type => type is { Name: var name }
                && (name.StartsWith("AsyncTaskMethodBuilder", StringComparison.Ordinal) || name is "AsyncIteratorMethodBuilder"))
            .ToList();
        Assert.NotEmpty(builders);
        Assert.All(builders, type => Assert.Equal(of.Assembly, type!.Assembly));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_result_comes_once_and_to_all_who_wait(bool waits)
    {
        var gate = new TaskCompletionSource<int>();
        var running = SumAsync(waits ? gate.Task : Task.FromResult(2), 3);
        Assert.Equal(!waits, running.IsCompleted);
        var both = Task.WhenAll(running, running);
        gate.TrySetResult(2);
        Assert.Equal(new[] { 10, 10 }, await both);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_it_throws_is_its_failure_as_it_was_thrown(bool waits)
    {
        var thrown = new InvalidOperationException("planned");
        var failing = ThrowAsync(waits, thrown);
        Assert.Same(thrown, await Assert.ThrowsAsync<InvalidOperationException>(() => failing));
        Assert.True(failing.IsFaulted);
        Assert.Contains(nameof(ThrowAsync), thrown.StackTrace, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_cancellation_is_no_failure_and_is_told_as_it_was_thrown(bool waits)
    {
        using var stop = new CancellationTokenSource();
        await stop.CancelAsync();
        var thrown = new OperationCanceledException("planned", stop.Token);
        var cancelled = ThrowAsync(waits, thrown);
        Assert.Same(thrown, await Assert.ThrowsAsync<OperationCanceledException>(() => cancelled));
        Assert.True(cancelled.IsCanceled);
        Assert.Equal(stop.Token, (await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled)).CancellationToken);
    }

    [Fact]
    public async Task What_it_makes_of_the_context_is_seen_by_what_it_calls_and_not_by_its_caller()
    {
        Local.Value = "caller";
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var running = ChangeAsync();
        Assert.Equal("caller", Local.Value);
        Local.Value = "caller, later";
        gate.SetResult();
        Assert.Equal(new[] { "caller", "method", "method", "again" }, await running);
        Assert.Equal("caller, later", Local.Value);

        async Task<string?[]> ChangeAsync()
        {
            var before = Local.Value;
            Local.Value = "method";
            var called = await ReadAsync();
            await gate.Task;
            var after = Local.Value;
            Local.Value = "again";
            await Task.Yield();
            return [before, called, after, Local.Value];
        }
    }

    [Fact]
    public async Task Who_brings_what_it_waits_for_keeps_his_context_also_if_he_lets_nothing_flow()
    {
        Local.Value = "method";
        var gate = new TaskCompletionSource();
        var running = ReadAfterAsync(gate.Task);
        Local.Value = "bringer";
        using (ExecutionContext.SuppressFlow())
        {
            gate.SetResult(); // goes on with it, if it may
            Assert.True(ExecutionContext.IsFlowSuppressed());
            Assert.Equal("bringer", Local.Value);
        }

        Assert.Equal("method", await running);
    }

    [Fact]
    public async Task It_goes_on_where_its_caller_wants_it_to()
    {
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var context = new Posts();
        var before = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(context);
        Task running;
        try
        {
            running = MoveAsync();
            Assert.Same(context, SynchronizationContext.Current); // what the method has set is its own
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(before);
        }

        gate.SetResult();
        var post = await context.Posted.Task;
        Assert.False(running.IsCompleted);
        post();
        await running;

        async Task MoveAsync()
        {
            var waiting = WaitAsync();
            SynchronizationContext.SetSynchronizationContext(null);
            await waiting;
        }

        async Task WaitAsync() => await gate.Task;
    }

    [Fact]
    public async Task An_awaiter_that_lets_no_context_flow_by_itself_will_do()
    {
        Local.Value = "method";
        var running = WaitAsync();
        Assert.Equal("method", await running);

        static async Task<string?> WaitAsync()
        {
            await new Plain();
            return Local.Value;
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_enumeration_gives_all_that_it_waits_for_and_then_its_failure_as_it_was_thrown(bool waits)
    {
        var thrown = new InvalidOperationException("planned");
        var isOver = false;
        List<int> given = [];
        var failure = await Assert.ThrowsAsync<InvalidOperationException>(async () =>
        {
            await foreach (var number in CountAsync())
            {
                given.Add(number);
            }
        });
        Assert.Same(thrown, failure);
        Assert.Equal([0, 1, 2], given);
        Assert.True(isOver);

        async IAsyncEnumerable<int> CountAsync()
        {
            try
            {
                for (var i = 0; i < 3; i++)
                {
                    if (waits)
                    {
                        await Task.Yield();
                    }

                    yield return i;
                }

                throw thrown;
            }
            finally
            {
                isOver = true;
            }
        }
    }

    [Fact]
    public async Task What_an_enumeration_makes_of_the_context_is_not_seen_by_who_enumerates_and_each_step_has_its_own()
    {
        Local.Value = "caller";
        List<string?> seen = [];
        await foreach (var value in ReadAllAsync())
        {
            seen.Add(value);
            seen.Add(Local.Value);
            Local.Value = "caller, later";
        }

        Assert.Equal(["caller", "caller", "method", "caller, later"], seen);
        Assert.Equal("caller, later", Local.Value);

        static async IAsyncEnumerable<string?> ReadAllAsync()
        {
            yield return Local.Value;
            Local.Value = "method";
            await Task.Yield();
            yield return Local.Value;
            Local.Value = "again";
        }
    }

    private static async Task<int> SumAsync(Task<int> one, int times)
    {
        var sum = 1;
        for (var i = 0; i < times; i++)
        {
            sum += await one + (i == 0 ? 1 : 0);
        }

        return sum + times - 1;
    }

    private static async Task ThrowAsync(bool waits, Exception exception)
    {
        if (waits)
        {
            await Task.Yield();
        }

        throw exception;
    }

    private static async Task<string?> ReadAsync()
    {
        await Task.Yield();
        return Local.Value;
    }

    private static async Task<string?> ReadAfterAsync(Task gate)
    {
        await gate;
        return Local.Value;
    }

    private sealed class Posts : SynchronizationContext
    {
        public TaskCompletionSource<Action> Posted { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public override void Post(SendOrPostCallback d, object? state) => Posted.SetResult(() => d(state));
    }

    /// <summary>Only <see cref="INotifyCompletion"/>, and goes on on a thread that has none of the method's context.</summary>
    private readonly struct Plain : INotifyCompletion
    {
        public bool IsCompleted => false;

        public Plain GetAwaiter() => this;

        public void GetResult()
        {
        }

        public void OnCompleted(Action continuation) => ThreadPool.UnsafeQueueUserWorkItem(static goOn => goOn(), continuation, preferLocal: false);
    }
}
