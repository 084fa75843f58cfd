using Kumoi.PolicySimulation;
using Xunit;

namespace Kumoi.Tests.PolicySimulation;

public sealed class OutageProcessTests : IEventHandler
{
    private readonly EventQueue _queue = new();
    private Action _look = () => { };

    void IEventHandler.Handle(int subject) => _look();

    [Theory]
    [InlineData(0)]
    [InlineData(0.1)]
    [InlineData(0.5)]
    [InlineData(1)]
    public void The_set_share_is_out_at_any_time(double ratio)
    {
        var outages = new OutageProcess(_queue, new(1, 1), 200, ratio, 600, 3600);
        var expected = Math.Min(199, (int)(ratio * 200));
        LookEvery(
            97,
            () => Assert.Equal(expected, Enumerable.Range(0, 200).Count(outages.IsOut)));
    }

    [Fact]
    public void Each_unit_has_its_turn_and_its_outages_are_counted()
    {
        var outages = new OutageProcess(_queue, new(1, 1), 50, 0.2, 600, 3600);
        LookEvery(86400, () => { });
        Assert.All(Enumerable.Range(0, 50), unit => Assert.True(outages.Number(unit) > 0));
        // A day holds ten times 86,400 s of outages, of 2,100 s in the mean.
        Assert.InRange(Enumerable.Range(0, 50).Sum(outages.Number), 350, 480);
    }

    [Fact]
    public void Whole_racks_fail_within_the_same_share()
    {
        var failures = new FailureModel { FailureRate = 0.25, RackFailureRatio = 0.5 };
        var health = new HostHealth(_queue, failures, 1024, 32, new(3, 1));
        var (failed, looks, wholeRacks) = (0, 0, 0);
        LookEvery(1800, () =>
        {
            looks++;
            failed += Enumerable.Range(0, 1024).Count(health.IsFailed);
            wholeRacks += Enumerable.Range(0, 32).Count(rack => Enumerable.Range(rack * 32, 32).All(health.IsFailed));
        });
        Assert.InRange(failed / (1024.0 * looks), 0.24, 0.26);
        Assert.Equal(4 * looks, wholeRacks);
    }

    private void LookEvery(double sec, Action look)
    {
        _look = () =>
        {
            look();
            _queue.Schedule(sec, this);
        };
        _queue.Schedule(0, this);
        _queue.Run(86400, () => false, CancellationToken.None);
    }
}
