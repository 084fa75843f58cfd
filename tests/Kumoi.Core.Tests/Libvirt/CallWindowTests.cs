using Kumoi.Hypervisors.Libvirt.Migrations;
using Xunit;

namespace Kumoi.Tests.Libvirt;

public sealed class CallWindowTests
{
    private readonly CancellationToken deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60)).Token;

    [Fact]
    public async Task What_is_under_way_is_waited_for_and_nothing_comes_after_it()
    {
        CallWindow window = new();
        using ManualResetEventSlim release = new();
        TaskCompletionSource entered = new();
        Task inside = Task.Run(() => window.Pass(() =>
        {
            entered.SetResult();
            release.Wait(deadline);
        }));
        await entered.Task.WaitAsync(deadline);

        Task closing = window.CloseAsync();
        window.Pass(() => Assert.Fail("The call is over."));

        Assert.False(closing.IsCompleted);
        release.Set();
        await closing.WaitAsync(deadline);
        await inside;
    }

    [Fact]
    public async Task What_fails_is_not_under_way_any_more()
    {
        CallWindow window = new();

        Assert.Throws<InvalidOperationException>(() => window.Pass(() => throw new InvalidOperationException()));

        await window.CloseAsync().WaitAsync(deadline);
    }
}
