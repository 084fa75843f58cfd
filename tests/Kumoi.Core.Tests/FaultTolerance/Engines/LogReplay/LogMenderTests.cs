using Kumoi.FaultTolerance.Engines.LogReplay;
using Xunit;
using static Kumoi.FaultTolerance.Engines.LogReplay.RecordedEvent;
using static Kumoi.Tests.FaultTolerance.Engines.LogReplay.BigEndian;

namespace Kumoi.Tests.FaultTolerance.Engines.LogReplay;

/// <summary>
/// Logs as QEMU 7.2 and 10.0 record them, with a VM that was stopped while its guest slept: those of a real one are replayed in the lab
/// (PairReplaySleepTests).
/// </summary>
public sealed class LogMenderTests
{
    private const long Asleep = 9_753_890_689;
    private const long Stopped = 9_763_244_423;

    /// <summary>The guest sleeps, and it is looked at what is due: nothing is.</summary>
    private static readonly byte[] Sleeps =
    [
        .. Of(Rests), .. Clock(Asleep), .. OfHost(7), .. Of(Timers), .. Clock(Asleep + 729), .. At(HostClock, 8), .. Clock(Asleep + 1234),
    ];

    /// <summary>The sleep's timer goes off, in time: what it has slept is added.</summary>
    private static readonly byte[] Wakes = [.. Of(Timers), .. Clock(Stopped), .. Clock(Stopped + 256), .. At(HostClock, 9)];

    /// <summary>It goes off while the VM stands still.</summary>
    private static readonly byte[] Forgets = [.. Of(Timers), .. Clock(Stopped)];

    /// <summary>What is recorded until the VM goes on, and then.</summary>
    private static readonly byte[] GoOn = [.. At(HostClock, 9), .. OfHost(10), .. At(HostClock, 11), .. Of(GoesOn), .. Ran(350)];

    private static readonly byte[] Header = [0x00, 0xe0, 0x20, 0x0c, 0, 0, 0, 0, 0, 0, 0, 0];

    [Fact]
    public void A_sleep_that_QEMU_has_forgotten_is_one_of_no_length()
    {
        byte[] log = [.. Header, .. Ran(52), .. Sleeps, .. OfHost(9), .. Forgets, .. GoOn, .. Sleeps];

        Assert.Equal([.. Header, .. Ran(52), .. Sleeps, .. OfHost(9), .. Forgets, .. Clock(Asleep), .. GoOn, .. Sleeps], Mended(log));
    }

    [Fact]
    public void The_sleep_that_is_forgotten_is_the_last_one()
    {
        byte[] woken = [.. Of(GoesOn), .. Clock(Asleep + 99), .. Ran(5)]; // before it would have waked
        byte[] again = [.. Of(Rests), .. Clock(Asleep + 100), .. OfHost(7), .. Of(Timers), .. Clock(Asleep + 101), .. At(HostClock, 8)];
        byte[] log = [.. Header, .. Sleeps, .. woken, .. again, .. Clock(Asleep + 102), .. OfHost(9), .. Forgets];

        Assert.Equal([.. log, .. Clock(Asleep + 100), .. GoOn], Mended([.. log, .. GoOn]));
    }

    [Fact]
    public void In_whatever_pieces_it_comes_it_is_mended_the_same()
    {
        byte[] log = [.. Header, .. Ran(52), .. Sleeps, .. OfHost(9), .. Forgets, .. GoOn, .. Sleeps];
        for (var size = 1; size < 40; size++)
        {
            var mender = new LogMender();
            List<byte> passed = [];
            var taken = 0L;
            foreach (var piece in log.Chunk(size))
            {
                passed.AddRange(mender.Mend(piece).Span);
                taken += piece.Length;
                Assert.Equal(taken, passed.Count - mender.Added + mender.Held); // nothing is lost, and what is held is known
                Assert.InRange(mender.Held, 0, 9);
            }

            Assert.Equal(Mended(log), passed);
            Assert.Equal(9, mender.Added);
        }
    }

    /// <summary>A guest that does not look at the time of day: QEMU looks at the VM's clock only.</summary>
    [Fact]
    public void It_is_mended_where_no_timers_of_the_host_are_looked_at()
    {
        byte[] sleeps = [.. Of(Rests), .. Clock(Asleep), .. Of(Timers), .. Clock(Asleep + 7), .. Clock(Asleep + 8), .. Forgets];
        byte[] rest = [.. Of(GoesOn), .. Ran(2)];

        Assert.Equal([.. Header, .. sleeps, .. Clock(Asleep), .. rest], Mended([.. Header, .. sleeps, .. rest]));
    }

    public static TheoryData<string, byte[]> Whole => new()
    {
        { "it wakes", [.. Sleeps, .. OfHost(9), .. Wakes, .. Of(GoesOn), .. Ran(1), .. Sleeps] },
        { "it wakes, and is slow to go on", [.. Sleeps, .. OfHost(9), .. Wakes, .. OfHost(10), .. Of(GoesOn), .. Ran(1)] },
        {
            "it is woken",
            [.. Sleeps, .. OfHost(9), .. Of(Timers), .. Clock(5), .. At(HostClock, 9), .. Clock(5), .. Of(GoesOn), .. Clock(6), .. Ran(1)]
        },
        { "it is reset just then", [.. Sleeps, .. Of(Timers), .. Clock(5), .. Of(Request), .. Ran(1)] },
        { "something is due at once", [.. Ran(1), .. Of(Rests), .. Clock(5), .. Of(GuestTimer), .. Of(GoesOn), .. Ran(1)] },
    };

    [Theory]
    [MemberData(nameof(Whole))]
    public void A_log_that_is_whole_stays_as_it_is(string when, byte[] events)
    {
        byte[] log = [.. Header, .. events];

        Assert.True(Mended(log).SequenceEqual(log), when);
    }

    /// <summary>A recording that goes on from a state in which the guest slept.</summary>
    [Fact]
    public void A_sleep_that_began_before_the_recording_stays_forgotten_and_the_next_one_does_not()
    {
        byte[] first = [.. Header, .. Of(Timers), .. Clock(3), .. At(HostClock, 4), .. Clock(5), .. Forgets, .. GoOn];
        byte[] next = [.. Sleeps, .. Forgets];

        Assert.Equal([.. first, .. next, .. Clock(Asleep), .. GoOn], Mended([.. first, .. next, .. GoOn]));
    }

    [Fact]
    public void What_was_due_at_once_is_not_when_the_sleep_began()
    {
        byte[] log = [.. Header, .. Of(Rests), .. Clock(Asleep - 5000), .. Of(GuestTimer), .. Sleeps, .. Forgets];

        Assert.Equal([.. log, .. Clock(Asleep), .. GoOn], Mended([.. log, .. GoOn]));
    }

    /// <summary>The clock was read twice, and nothing tells whether for the sleep's end; then the guest rests again, or still.</summary>
    [Fact]
    public void A_sleep_of_which_it_is_not_certain_when_it_began_stays_as_it_is()
    {
        byte[] log =
        [
            .. Header, .. Of(Rests), .. Clock(1), .. Of(Timers), .. Clock(2), .. Clock(3), .. Of(Rests), .. Clock(4), .. Forgets, .. GoOn,
        ];

        Assert.Equal(log, Mended(log));
    }

    /// <summary>Each kind, with the bytes of a sleep that is forgotten in what can have any.</summary>
    [Fact]
    public void No_other_event_is_taken_for_one_of_these()
    {
        byte[] alike = [.. Sleeps, .. Forgets, .. GoOn];
        byte[] events =
        [
            .. Of(Begin), .. Of(Interrupt), .. Of(RecordedEvent.Exception), .. At(BottomHalf, 30), .. At(OneShot, 36),
            .. At(Block, 36), .. Of(InputSync),
            .. Of(CharRead), 0, .. Data(alike), .. Of(CharReadAll), .. Data(alike), .. Of(CharReadAllError), .. Number(36),
            .. Of(Net), 0, .. Number(36), .. Data(alike), .. Of(RecordedEvent.Random), .. Number(0), .. Data(alike), .. At(CharWrite, 36),
            .. At(AudioOut, 36), .. Of(Shutdown), 21,
            .. Of(Input), .. Number(0), .. Number(0), .. Wide(36), 36, .. Of(Input), .. Number(0), .. Number(1), .. Number(36), 36,
            .. Of(Input), .. Number(1), .. Number(36), 36, .. Of(Input), .. Number(2), .. Number(36), .. Wide(36),
            .. Of(Input), .. Number(3), .. Number(36), .. Wide(36),
            .. Of(Input), .. Number(4), .. Number(36), .. Wide(36), .. Wide(36), .. Number(36), .. Wide(36),
        ];
        byte[] log = [.. Header, .. events, .. Sleeps, .. Forgets];

        Assert.Equal([.. log, .. Clock(Asleep), .. GoOn], Mended([.. log, .. GoOn]));
    }

    /// <summary>Sound that is recorded, what is none of QEMU's events, an input of no known kind, and the end.</summary>
    [Theory]
    [InlineData("1a")]
    [InlineData("28")]
    [InlineData("0500000005")]
    [InlineData("27")]
    public void After_an_event_of_no_known_length_all_stays_as_it_is(string unknown)
    {
        byte[] log = [.. Header, .. Convert.FromHexString(unknown), .. Sleeps, .. Forgets, .. GoOn];

        Assert.Equal(log, Mended(log));
    }

    private static byte[] Mended(byte[] log)
    {
        var mender = new LogMender();
        var mended = mender.Mend(log).ToArray();
        Assert.Equal(0, mender.Held);
        Assert.Equal(log.Length + mender.Added, mended.Length);
        return mended;
    }

    private static byte[] Of(RecordedEvent kind) => [(byte)kind];

    private static byte[] At(RecordedEvent kind, long value) => [(byte)kind, .. Wide(value)];

    private static byte[] Clock(long value) => At(RecordedEvent.Clock, value);

    private static byte[] OfHost(long value) => [(byte)HostTimers, .. At(HostClock, value)];

    private static byte[] Ran(int instructions) => [(byte)Instructions, .. Number(instructions)];

    private static byte[] Data(byte[] data) => [.. Number(data.Length), .. data];
}
