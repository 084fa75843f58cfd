using Kumoi.FaultTolerance.Pairs;
using Kumoi.Hypervisors;
using Xunit;

namespace Kumoi.Tests.FaultTolerance.Pairs;

/// <summary>Whoever wants something of a pair is told what became of it, whatever becomes of the pair.</summary>
public sealed class PairRequestsTests
{
    [Fact]
    public async Task What_is_wanted_when_the_pair_is_over_already_is_refused()
    {
        using var requests = new PairRequests();
        var why = new HypervisorException("It has ended.");
        requests.Refuse(why);

        Assert.Same(why, await Assert.ThrowsAsync<HypervisorException>(() => requests.SwitchAsync(TestContext.Current.CancellationToken)));
        Assert.Same(why, await Assert.ThrowsAsync<HypervisorException>(() => requests.DrillAsync(TestContext.Current.CancellationToken)));
    }

    [Fact]
    public async Task A_drill_that_is_given_up_in_its_middle_tells_whoever_waits_for_it()
    {
        using var requests = new PairRequests();
        var wanted = requests.DrillAsync(TestContext.Current.CancellationToken);

        await Assert.ThrowsAsync<OperationCanceledException>(() => requests.DrillAsync(() => throw new OperationCanceledException()));

        var told = await Assert.ThrowsAsync<HypervisorException>(() => wanted.WaitAsync(TimeSpan.FromMinutes(1)));
        Assert.Equal(HypervisorError.Aborted, told.Error);
    }
}
