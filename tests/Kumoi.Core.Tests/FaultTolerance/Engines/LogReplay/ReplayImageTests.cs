using System.Text;
using Kumoi.FaultTolerance.Engines.LogReplay;
using Kumoi.Hypervisors;
using Xunit;
using static Kumoi.Tests.FaultTolerance.Engines.LogReplay.BigEndian;

namespace Kumoi.Tests.FaultTolerance.Engines.LogReplay;

/// <summary>What is changed in the states that QEMU has written.</summary>
public sealed class ReplayImageTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void A_VM_that_goes_on_has_the_clock_that_it_was_recorded_by_in_each_of_its_states(int version)
    {
        ReplayImage.Create(_path);
        var before = File.ReadAllBytes(_path);
        File.WriteAllBytes(_path, [.. before, .. State(version, clock: 1_300, recorded: 4_800), .. State(version, clock: 9_000, recorded: 7)]);

        ReplayImage.GoOnByItsClock(_path, _path);

        Assert.Equal(
            [.. before, .. State(version, clock: 4_800, recorded: 4_800), .. State(version, clock: 7, recorded: 7)],
            File.ReadAllBytes(_path));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void A_replica_of_what_is_recorded_since_has_read_nothing_ahead(int version)
    {
        File.WriteAllBytes(_path, State(version, clock: 1, recorded: 2));

        ReplayImage.CopyForReplica(_path, _path);

        Assert.Equal(State(version, clock: 1, recorded: 2, isRead: false), File.ReadAllBytes(_path));
    }

    [Theory]
    [InlineData("no state at all")]
    [InlineData("\u0005timer without a count of instructions, and long enough that one could be in it, \u0006replay or not, by its length")]
    public void A_state_of_another_form_is_left_as_it_is_and_has_no_replica(string content)
    {
        var image = Encoding.Latin1.GetBytes(content);
        File.WriteAllBytes(_path, image);

        ReplayImage.GoOnByItsClock(_path, _path);
        var refusal = Assert.Throws<HypervisorException>(() => ReplayImage.CopyForReplica(_path, _path));

        Assert.Equal(HypervisorError.NotSupported, refusal.Error);
        Assert.Equal(image, File.ReadAllBytes(_path));
    }

    /// <summary>The two sections as QEMU writes them, with others around.</summary>
    private static byte[] State(int version, long clock, long recorded, bool isRead = true) =>
    [
        .. "\u0004"u8, .. "\u0005timer"u8, .. Number(0), .. Number(2), .. Wide(11), .. Wide(0), .. Wide(clock),
        .. "\u0005\u000ctimer/icount"u8, .. Number(1), .. Wide(12), .. Wide(13), .. "something else"u8,
        .. "\u0006replay"u8, .. Number(0), .. Number(version), .. Wide(77), .. Wide(recorded), .. Wide(13), .. Number(0),
        .. version == 3 ? Number(5) : [], .. Number(30), .. version == 3 ? [(byte)(isRead ? 1 : 0)] : Number(isRead ? 1 : 0), .. Wide(4096),
        .. Wide(17), .. Wide(isRead ? 23 : -1), .. new byte[80],
    ];
}
