using Kumoi.FaultTolerance.Engines.LogReplay;
using Xunit;

namespace Kumoi.Tests.FaultTolerance.Engines.LogReplay;

/// <summary>How long a replica has to go, by what it has done so far.</summary>
public sealed class ReplayPaceTests
{
    private const long Million = 1_000_000;

    private readonly ManualTime _time = new();

    [Fact]
    public void What_is_left_takes_as_long_as_what_was_done()
    {
        var pace = new ReplayPace(1000 * Million, _time);
        Assert.Equal(TimeSpan.Zero, pace.TimeTo(2000 * Million)); // nothing is known yet

        Goes(pace, to: 1200 * Million, TimeSpan.FromSeconds(2)); // 100 million a second
        Assert.Equal(TimeSpan.FromSeconds(3), pace.TimeTo(1500 * Million));
        Assert.Equal(TimeSpan.Zero, pace.TimeTo((1200 * Million) + ReplayPace.Few)); // a guest that rests
    }

    [Fact]
    public void On_its_way_it_is_taken_to_go_on_as_before_and_never_past_its_end()
    {
        var pace = new ReplayPace(0, _time);
        Goes(pace, to: 100 * Million, TimeSpan.FromSeconds(1));
        pace.Begin(200 * Million);
        _time.Advance(TimeSpan.FromSeconds(0.5));
        Assert.Equal(TimeSpan.FromSeconds(1.5), pace.TimeTo(300 * Million));
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(TimeSpan.FromSeconds(1), pace.TimeTo(300 * Million)); // slower than before
    }

    [Fact]
    public void A_long_way_tells_the_pace_and_a_short_one_little()
    {
        var pace = new ReplayPace(0, _time);
        Goes(pace, to: 100 * Million, TimeSpan.FromSeconds(1));
        Goes(pace, to: 101 * Million, TimeSpan.FromSeconds(0.1)); // 10 million a second: it took as long to be told of it
        Assert.InRange(pace.TimeTo(201 * Million).TotalSeconds, 1, 1.2);
        Goes(pace, to: 121 * Million, TimeSpan.FromSeconds(2)); // the machine has become busy
        Assert.Equal(TimeSpan.FromSeconds(10), pace.TimeTo(221 * Million));
    }

    [Fact]
    public void One_that_was_there_already_has_not_gone_anywhere()
    {
        var pace = new ReplayPace(0, _time);
        Goes(pace, to: 100 * Million, TimeSpan.FromSeconds(1));
        _time.Advance(TimeSpan.FromSeconds(9));
        pace.Arrive();
        Assert.Equal(TimeSpan.FromSeconds(1), pace.TimeTo(200 * Million));
    }

    [Fact]
    public void One_that_is_long_on_its_way_is_looked_at_and_it_is_seen_whether_it_moves()
    {
        var pace = new ReplayPace(0, _time);
        pace.Begin(100 * Million);
        Assert.False(pace.IsLong);
        _time.Advance(ReplayLag.Longest);
        Assert.True(pace.IsLong);
        Assert.True(pace.HasMovedTo(1));
        Assert.False(pace.HasMovedTo(1));
    }

    [Fact]
    public void A_guest_waits_for_a_replica_that_has_much_to_do_until_that_is_half_as_much()
    {
        Assert.True(new ReplayLag(TimeSpan.Zero, 0, ReplayLag.MostWork + TimeSpan.FromTicks(1)).IsTooFar);
        var less = new ReplayLag(TimeSpan.Zero, 0, ReplayLag.MostWork / 2);
        Assert.False(less.IsTooFar);
        Assert.False(less.IsNear);
        Assert.True(new ReplayLag(TimeSpan.Zero, 0, (ReplayLag.MostWork / 2) - TimeSpan.FromTicks(1)).IsNear);
    }

    private void Goes(ReplayPace pace, long to, TimeSpan time)
    {
        pace.Begin(to);
        _time.Advance(time);
        pace.Arrive();
    }
}
