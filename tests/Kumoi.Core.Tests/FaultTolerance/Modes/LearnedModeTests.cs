using Kumoi.FaultTolerance.Modes;
using Xunit;

namespace Kumoi.Tests.FaultTolerance.Modes;

public sealed class LearnedModeTests
{
    private const double HalfAnHour = 1800;

    [Fact]
    public void It_tries_both_modes_and_keeps_to_the_cheaper_one()
    {
        var guest = new RandomGuest(1) { MeanSec = 60 };
        var mode = new LearnedModeOptions().Create();
        Assert.Equal("tries COLO", mode.Current.Reason);
        var seen = new List<ModeDecision>();
        guest.Run(mode, 20, (_, decision) => seen.Add(decision));
        Assert.Equal([PairMode.Checkpoint, PairMode.Colo], seen.Where(one => one.IsChange).Select(one => one.Mode));
        Assert.Equal("tries checkpoint mode", seen.First(one => one.IsChange).Reason);
        Assert.Matches(
            @"^the guest stands still \d\.\d % of its time in COLO, 24\.2 % in checkpoint mode$", seen.Last(one => one.IsChange).Reason);
    }

    /// <summary>
    /// Whatever the guest does, and however long its pauses are, in two hours each. What chance does to the guest itself in that time,
    /// which the fixed mode would meet too, is let pass: a quarter of a point.
    /// </summary>
    [Fact]
    public void It_is_not_worse_than_the_better_fixed_mode_by_more_than_its_exploration_share()
    {
        var options = new LearnedModeOptions();
        var more = new List<double>();
        for (var seed = 0; seed < 60; seed++)
        {
            var random = new Random(seed);
            var guest = new RandomGuest(seed)
            {
                MeanSec = Math.Exp(random.NextDouble() * Math.Log(3000)) * 0.01, // 10 ms to 30 s
                PauseSec = 0.01 + (0.2 * random.NextDouble()),
            };
            var better = Math.Min(guest.DowntimeRatio(PairMode.Colo, options), guest.DowntimeRatio(PairMode.Checkpoint, options));
            guest.Run(options.Create(seed), 7200);
            more.Add((guest.Paused / guest.Elapsed) - better);
        }

        Assert.True(more.Max() <= options.ExplorationShare + 0.0025, $"{more.Max()}");
        Assert.True(more.Average() <= options.ExplorationShare, $"{more.Average()}");
    }

    [Fact]
    public void A_guest_that_changes_is_followed()
    {
        var guest = new RandomGuest(3) { MeanSec = 60 };
        var mode = new LearnedModeOptions().Create();
        guest.Run(mode, 600);
        Assert.Equal(PairMode.Colo, mode.Current.Mode);
        guest.MeanSec = 0.02;
        guest.Run(mode, 12);
        Assert.Equal(PairMode.Checkpoint, mode.Current.Mode);
        guest.Run(mode, 600);
        guest.MeanSec = 60;
        guest.Run(mode, 600);
        Assert.Equal(PairMode.Colo, mode.Current.Mode);
    }

    [Fact]
    public void A_mode_that_was_chosen_is_not_left_before_its_shortest_stay_and_then_at_once()
    {
        var guest = new RandomGuest(5) { MeanSec = 1000 };
        var mode = new LearnedModeOptions { ShortestStay = TimeSpan.FromSeconds(30) }.Create();
        var changes = new List<ModeDecision>();
        guest.Run(mode, 11, Note); // ten seconds of COLO are its first trial
        guest.MeanSec = 0.02;
        guest.Run(mode, 35, Note);
        Assert.Equal([PairMode.Checkpoint, PairMode.Colo, PairMode.Checkpoint], changes.Select(one => one.Mode));
        Assert.InRange((changes[2].At - changes[1].At).TotalSeconds, 30, 32);

        void Note(ModeStretch stretch, ModeDecision decision)
        {
            if (decision.IsChange)
            {
                changes.Add(decision);
            }
        }
    }

    /// <summary>One that keeps its differences for certain seconds of a minute would escape trials at fixed times.</summary>
    [Fact]
    public void Trials_come_at_random_times()
    {
        var guest = new RandomGuest(4) { MeanSec = 0.03 };
        var trials = new List<TimeSpan>();
        guest.Run(new LearnedModeOptions().Create(), HalfAnHour, (_, decision) =>
        {
            if (decision is { IsChange: true, Mode: PairMode.Colo })
            {
                trials.Add(decision.At);
            }
        });
        var waits = trials.Skip(1).Zip(trials, (one, before) => (one - before).TotalSeconds).ToList();
        Assert.InRange(waits.Count, 5, 100);
        Assert.True(waits.Min() >= 10, $"{waits.Min()}");
        Assert.True(waits.Max() > 3 * waits.Min(), $"{waits.Min()} to {waits.Max()}");
    }

    [Fact]
    public void A_guest_that_never_stands_still_is_no_reason_to_change_but_for_trials()
    {
        var mode = new LearnedModeOptions().Create();
        Assert.Equal(TimeSpan.Zero, mode.Add(1000, 0).At);
        var guest = new RandomGuest(1) { PauseSec = 0 };
        guest.Run(mode, 60);
        Assert.Matches("^tries |^the guest stands still 0.0 % of its time in .*, 0.0 % in ", mode.Current.Reason);
    }
}
