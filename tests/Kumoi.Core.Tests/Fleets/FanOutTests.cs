using Kumoi.Fleets;
using Xunit;

namespace Kumoi.Tests.Fleets;

public sealed class FanOutTests
{
    private readonly TaskCompletionSource<int>[] _work =
        [.. Enumerable.Range(0, 6).Select(_ => new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously))];

    private readonly TaskCompletionSource[] _begun =
        [.. Enumerable.Range(0, 6).Select(_ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously))];

    [Fact]
    public async Task Outcomes_come_in_the_order_of_the_elements_whoever_finishes_first()
    {
        await using var outcomes = Run(6).GetAsyncEnumerator();
        for (var i = 5; i > 0; i--)
        {
            _work[i].SetResult(i);
        }

        var first = outcomes.MoveNextAsync().AsTask();
        Assert.False(first.IsCompleted);
        _work[0].SetResult(0);
        Assert.True(await first);
        for (var i = 0; i < 6; i++)
        {
            Assert.Equal((i, i), (outcomes.Current.Element, outcomes.Current.Result));
            Assert.Equal(i < 5, await outcomes.MoveNextAsync());
        }
    }

    [Fact]
    public async Task A_failure_is_the_outcome_of_its_element_and_stops_nobody()
    {
        for (var i = 0; i < 6; i++)
        {
            if (i == 2)
            {
                _work[i].SetException(new InvalidOperationException("planned"));
            }
            else
            {
                _work[i].SetResult(i);
            }
        }

        List<Outcome<int, int>> all = [];
        await foreach (var outcome in Run(2))
        {
            all.Add(outcome);
        }

        Assert.Equal([0, 1, 3, 4, 5], all.Where(outcome => outcome.Succeeded).Select(outcome => outcome.Result));
        Assert.Equal("planned", all[2].Error!.Message);
        Assert.Throws<InvalidOperationException>(() => all[2].Result);
    }

    [Fact]
    public async Task No_more_elements_are_under_way_than_the_limit_allows()
    {
        int under = 0, most = 0, begun = 0;
        var gate = new SemaphoreSlim(0);
        var full = new TaskCompletionSource();
        var run = Task.Run(async () =>
        {
            await foreach (var outcome in FanOut.RunAsync(Enumerable.Range(0, 12).ToList(), 3, WorkAsync, default))
            {
                Assert.True(outcome.Succeeded);
            }
        });
        await full.Task;
        gate.Release(12);
        await run;
        Assert.Equal((3, 12), (most, begun));

        async Task<int> WorkAsync(int x, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref begun);
            if (Interlocked.Increment(ref under) == 3)
            {
                full.TrySetResult();
            }

            most = Math.Max(most, under);
            await gate.WaitAsync(cancellationToken);
            Interlocked.Decrement(ref under);
            return x;
        }
    }

    [Fact]
    public async Task Cancellation_ends_the_enumeration_and_reaches_the_work()
    {
        using var source = new CancellationTokenSource();
        var run = Task.Run(async () =>
        {
            await foreach (var _ in Run(6, source.Token))
            {
            }
        });
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run);
    }

    [Fact]
    public async Task Leaving_early_cancels_what_is_under_way_and_waits_for_it()
    {
        var cancelled = 0;
        var begun = new CountdownEvent(3);
        _work[0].SetResult(0);
        await foreach (var outcome in FanOut.RunAsync(Enumerable.Range(0, 6).ToList(), 3, WorkAsync, default))
        {
            Assert.Equal(0, outcome.Result);
            begun.Wait();
            break;
        }

        Assert.Equal(3, cancelled);

        async Task<int> WorkAsync(int x, CancellationToken cancellationToken)
        {
            if (x == 0)
            {
                return 0;
            }

            begun.Signal();
            try
            {
                return await _work[x].Task.WaitAsync(cancellationToken);
            }
            catch (OperationCanceledException)
            {
                Interlocked.Increment(ref cancelled);
                throw;
            }
        }
    }

    [Fact]
    public async Task Nothing_gives_nothing()
    {
        await foreach (var outcome in FanOut.RunAsync<int, int>([], 3, (x, _) => Task.FromResult(x), default))
        {
            Assert.Fail($"An outcome of {outcome.Element}.");
        }
    }

    [Fact]
    public async Task A_silent_element_is_passed_after_its_patience_and_comes_when_it_comes()
    {
        var time = new ManualTime();
        var passing = new Passing<int>(static element => element is 1 or 4 ? TimeSpan.FromSeconds(1) : TimeSpan.FromHours(1), time);
        await using var outcomes = RunPassing(passing).GetAsyncEnumerator();
        _work[0].SetResult(0);
        _work[3].SetResult(3);
        _work[2].SetResult(2);
        Assert.Equal(0, await NextAsync(outcomes));
        await Task.WhenAll(_begun[1].Task, _begun[4].Task); // nobody is silent before

        var next = NextAsync(outcomes); // 1 is silent
        await time.WaitingAsync(TimeSpan.FromSeconds(1));
        Assert.False(next.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(2, await next); // those that have answered keep their order
        Assert.Equal(3, await NextAsync(outcomes));

        next = NextAsync(outcomes); // 4 has been silent for as long
        _work[5].SetException(new InvalidOperationException("planned"));
        Assert.Equal(-5, await next);
        next = NextAsync(outcomes);
        _work[1].SetResult(1);
        Assert.Equal(1, await next);
        next = NextAsync(outcomes);
        _work[4].SetResult(4);
        Assert.Equal(4, await next);
        Assert.False(await outcomes.MoveNextAsync());
    }

    [Fact]
    public async Task One_that_is_known_to_be_silent_is_passed_at_once()
    {
        var passing = new Passing<int>(static element => element == 0 ? TimeSpan.Zero : TimeSpan.FromHours(1), new ManualTime { RunsThrough = TimeSpan.FromMilliseconds(1) });
        await using var outcomes = RunPassing(passing).GetAsyncEnumerator();
        for (var i = 1; i < 6; i++)
        {
            _work[i].SetResult(i);
            Assert.Equal(i, await NextAsync(outcomes));
        }

        _work[0].SetResult(0);
        Assert.Equal(0, await NextAsync(outcomes));
    }

    [Fact]
    public async Task While_others_come_nobody_is_passed_where_patience_is_counted_from_the_last_outcome()
    {
        var time = new ManualTime();
        var passing = new Passing<int>(static _ => TimeSpan.FromSeconds(1), time) { IsFromLast = true };
        await using var outcomes = RunPassing(passing).GetAsyncEnumerator();
        var next = NextAsync(outcomes);
        for (var i = 5; i > 1; i--)
        {
            _work[i].SetResult(i);
            await time.WaitingAsync(TimeSpan.FromSeconds(1)); // anew for each that has come
            time.Advance(TimeSpan.FromMilliseconds(999));
        }

        Assert.False(next.IsCompleted);
        _work[0].SetResult(0);
        Assert.Equal(0, await next);
        await _begun[1].Task;
        next = NextAsync(outcomes);
        await time.WaitingAsync(TimeSpan.FromSeconds(1));
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(2, await next);
    }

    [Fact]
    public async Task While_nobody_has_answered_nobody_is_passed()
    {
        var time = new ManualTime();
        var passing = new Passing<int>(static _ => TimeSpan.FromSeconds(1), time) { IsFromLast = true };
        await using var outcomes = RunPassing(passing).GetAsyncEnumerator();
        var next = NextAsync(outcomes);
        time.Advance(TimeSpan.FromHours(1)); // a slow computer, or a slow network: all are late
        _work[1].SetResult(1);
        await time.WaitingAsync(TimeSpan.FromSeconds(1));
        _work[0].SetResult(0);
        Assert.Equal(0, await next);
        Assert.Equal(1, await NextAsync(outcomes));
    }

    private static async Task<int> NextAsync(IAsyncEnumerator<Outcome<int, int>> outcomes)
    {
        Assert.True(await outcomes.MoveNextAsync());
        return outcomes.Current.Succeeded ? outcomes.Current.Result : -outcomes.Current.Element;
    }

    private IAsyncEnumerable<Outcome<int, int>> RunPassing(Passing<int> passing) => FanOut.RunAsync(
        Enumerable.Range(0, 6).ToList(),
        6,
        (x, token) =>
        {
            _begun[x].SetResult();
            return _work[x].Task.WaitAsync(token);
        },
        passing,
        CancellationToken.None);

    private IAsyncEnumerable<Outcome<int, int>> Run(int limit, CancellationToken cancellationToken = default) =>
        FanOut.RunAsync(Enumerable.Range(0, 6).ToList(), limit, (x, token) => _work[x].Task.WaitAsync(token), cancellationToken);
}
