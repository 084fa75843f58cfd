using Kumoi.Hypervisors.Libvirt.Migrations;
using Xunit;

namespace Kumoi.Tests.Hypervisors.Libvirt.Migrations;

public sealed class CallWindowTests
{
    private readonly CancellationToken _deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60)).Token;

    [Fact]
    public async Task What_is_under_way_is_waited_for_and_nothing_comes_after_it()
    {
        var window = new CallWindow();
        using var release = new ManualResetEventSlim();
        var entered = new TaskCompletionSource();
        var inside = Task.Run(() => window.Pass(() =>
        {
            entered.SetResult();
            release.Wait(_deadline);
        }));
        await entered.Task.WaitAsync(_deadline);

        var closing = window.CloseAsync();
        window.Pass(() => Assert.Fail("The call is over."));

        Assert.False(closing.IsCompleted);
        release.Set();
        await closing.WaitAsync(_deadline);
        await inside;
    }

    [Fact]
    public async Task What_fails_is_not_under_way_any_more()
    {
        var window = new CallWindow();

        Assert.Throws<InvalidOperationException>(() => window.Pass(() => throw new InvalidOperationException()));

        await window.CloseAsync().WaitAsync(_deadline);
    }
}
