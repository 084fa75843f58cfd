using Kumoi.Speculation;
using Xunit;

namespace Kumoi.Tests.Speculation;

public sealed class StragglersTests
{
    private readonly ManualTime _time = new();

    [Fact]
    public async Task Who_is_silent_when_another_has_answered_is_given_up()
    {
        var run = Stragglers.RunAsync(["answers", "silent"], CallAsync, _time, default);
        _time.Advance(TimeSpan.FromSeconds(1.9));
        Assert.False(run.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(0.2));
        await run;
    }

    [Fact]
    public async Task The_others_get_three_times_as_long_as_the_first()
    {
        var first = new TaskCompletionSource<bool>();
        var run = Stragglers.RunAsync(
            ["first", "silent"], (host, token) => host is "first" ? first.Task : CallAsync(host, token), _time, default);
        _time.Advance(TimeSpan.FromSeconds(10));
        first.SetResult(true);
        _time.Advance(TimeSpan.FromSeconds(29));
        Assert.False(run.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(2));
        await run;
    }

    [Fact]
    public async Task Where_all_that_answered_have_failed_the_others_are_waited_for()
    {
        using var stop = new CancellationTokenSource();
        var run = Stragglers.RunAsync(["fails", "silent"], CallAsync, _time, stop.Token);
        _time.Advance(TimeSpan.FromHours(1));
        Assert.False(run.IsCompleted);
        await stop.CancelAsync();
        await run;
    }

    private static async Task<bool> CallAsync(string host, CancellationToken cancellationToken)
    {
        if (host is "silent")
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        return host is "answers";
    }
}
