using Kumoi.FaultTolerance.Modes;
using Xunit;

namespace Kumoi.Tests.FaultTolerance.Modes;

/// <summary>What holds for every rule, with guests that change what they do at random.</summary>
public sealed class ModeControllerTests
{
    private const int Seeds = 10;
    private const double Hour = 3600;

    /// <summary>Each rule, and how often it changes the mode in an hour at most: twice in its shortest stay, and when it begins.</summary>
    public static TheoryData<ModeOptions, double> All => new()
    {
        { new FixedModeOptions(PairMode.Checkpoint), 0 },
        { new FixedModeOptions(PairMode.Colo), 0 },
        { new MovingAverageModeOptions(), (2 * Hour / (100 * 0.25)) + 2 },
        { new MovingAverageModeOptions { IsBiasCorrected = true }, (2 * Hour / (100 * 0.25)) + 2 },
        { new ThresholdModeOptions(), (2 * Hour / 10) + 2 }, // α times the shortest stay
        {
            new ThresholdModeOptions { Doubt = 0, MinCheckpoints = 1, ShortestStay = TimeSpan.FromSeconds(1), Alpha = 1.5 },
            (2 * Hour / 1.5) + 2
        },
        { new ProportionalIntegralModeOptions(), (2 * Hour / 10) + 2 },
        { new ProportionalIntegralModeOptions { SetPoint = 4, Kp = 10, Ki = 10 }, (2 * Hour / 10) + 2 },
        { new LearnedModeOptions(), (2 * Hour / 10) + 2 },
        { new LearnedModeOptions { ExplorationShare = 0.5, Doubt = 0.5, MinCheckpoints = 1 }, (2 * Hour / 10) + 2 },
    };

    [Theory]
    [MemberData(nameof(All))]
    public void It_decides_within_its_limits_with_a_reason_and_without_flapping(ModeOptions options, double mostChanges)
    {
        for (var seed = 0; seed < Seeds; seed++)
        {
            var guest = new RandomGuest(seed);
            var controller = options.Create(seed);
            var before = controller.Current;
            RunAnHour(guest, controller, seed, (stretch, decision) =>
            {
                Assert.Same(decision, controller.Current);
                Assert.Equal(before.At + stretch.Elapsed, decision.At);
                Assert.Equal(decision.Mode != before.Mode, decision.IsChange);
                Assert.True(Enum.IsDefined(decision.Mode));
                Assert.True(
                    decision.Mode is PairMode.Checkpoint
                        ? decision.Period == options.CheckpointPeriod
                        : decision.Period > TimeSpan.Zero && decision.Period <= options.ColoPeriod,
                    $"{decision}");
                Assert.False(string.IsNullOrWhiteSpace(decision.Reason));
                Assert.DoesNotContain("NaN", decision.Reason, StringComparison.Ordinal);
                before = decision;
            });
            Assert.True(guest.Changes <= mostChanges, $"{guest.Changes} changes with seed {seed}");
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void The_same_stretches_and_random_numbers_give_the_same_decisions(ModeOptions options, double mostChanges)
    {
        Assert.True(mostChanges >= 0);
        for (var seed = 0; seed < 3; seed++)
        {
            var stretches = new List<ModeStretch>();
            var decisions = new List<ModeDecision>();
            RunAnHour(new RandomGuest(seed), options.Create(seed), seed, (stretch, decision) =>
            {
                stretches.Add(stretch);
                decisions.Add(decision);
            });
            var again = options.Create(seed);
            Assert.Equal(decisions, stretches.Select(again.Add));
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void A_stretch_in_another_mode_than_the_decided_one_decides_nothing(ModeOptions options, double mostChanges)
    {
        Assert.True(mostChanges >= 0);
        var (controller, other) = (options.Create(), options.Create());
        var late = Stretches.Of(controller.Current.Mode is PairMode.Colo ? PairMode.Checkpoint : PairMode.Colo, 0.01);
        for (var i = 0; i < 1000; i++)
        {
            controller.Add(late);
        }

        Assert.Equal(TimeSpan.FromSeconds(10), controller.Current.At);
        Assert.StartsWith("waits for the change to ", controller.Current.Reason, StringComparison.Ordinal);
        for (var i = 0; i < 1000; i++)
        {
            var stretch = Stretches.Of(other.Current.Mode, 0.1, 0.05);
            var (own, expected) = (controller.Add(stretch), other.Add(stretch));
            Assert.Equal(expected.Mode, own.Mode);
            if (options is LearnedModeOptions)
            {
                return; // when it tries depends on the time
            }
        }
    }

    [Fact]
    public void A_negative_time_is_refused()
    {
        var mode = new MovingAverageModeOptions().Create();
        Assert.Throws<ArgumentOutOfRangeException>(() => mode.Add(Stretches.Of(PairMode.Colo, -1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => mode.Add(Stretches.Of(PairMode.Colo, 1, -1)));
        Assert.Equal(TimeSpan.Zero, mode.Current.At);
    }

    /// <summary>
    /// Each while, from a second to five minutes, another guest: from one that differs every 30 ms to one that does every 90 s. Half of
    /// them cost the same in both modes, so that chance alone speaks for one or the other.
    /// </summary>
    private static void RunAnHour(RandomGuest guest, ModeController controller, int seed, Action<ModeStretch, ModeDecision> note)
    {
        var random = new Random(seed);
        while (guest.Elapsed.TotalSeconds < Hour)
        {
            guest.MeanSec = random.Next(2) == 0 ? 0.25 : 0.03 * Math.Exp(random.NextDouble() * Math.Log(3000));
            guest.PauseSec = random.Next(5) == 0 ? 0 : 0.3 * random.NextDouble();
            var phase = Math.Exp(random.NextDouble() * Math.Log(300));
            guest.Run(controller, Math.Min(phase, Hour - guest.Elapsed.TotalSeconds), note);
        }
    }
}
