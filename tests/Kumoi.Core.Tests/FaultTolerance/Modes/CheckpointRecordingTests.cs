using Kumoi.FaultTolerance.Modes;
using Xunit;

namespace Kumoi.Tests.FaultTolerance.Modes;

/// <summary>A pair's checkpoints in their file.</summary>
public sealed class CheckpointRecordingTests : IDisposable
{
    private const string Header = "At,Mode,Cause,LengthMs,PauseMs,DurationMs,Bytes\n";

    private static readonly ModeStretch Stretch = new(
        PairMode.Colo, TimeSpan.FromMilliseconds(1234.5), CheckpointCause.Mismatch,
        new CheckpointMeasure(TimeSpan.FromMilliseconds(12.25), TimeSpan.FromMilliseconds(99), 123_456));

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("kumoi-recording-");

    private string FilePath => Path.Combine(_folder.FullName, CheckpointRecording.FileName);

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void What_was_recorded_is_read_as_it_was_by_whichever_process()
    {
        Append(Stretch);
        Append(Stretch with { Mode = PairMode.Checkpoint, Cause = CheckpointCause.Period });

        Assert.Equal(
            [Stretch, Stretch with { Mode = PairMode.Checkpoint, Cause = CheckpointCause.Period }], CheckpointRecording.Read(FilePath));
    }

    [Fact]
    public void A_line_that_is_being_written_is_left_for_later()
    {
        Append(Stretch);
        File.AppendAllText(FilePath, "2026-11-29T00:00:00Z,Colo,Mis");

        Assert.Equal([Stretch], CheckpointRecording.Read(FilePath));
    }

    [Fact]
    public void The_file_is_bounded_and_the_last_checkpoints_are_kept()
    {
        Append(Stretch);
        File.AppendAllText(FilePath, string.Concat(Enumerable.Repeat(File.ReadAllText(FilePath)[Header.Length..], 40_000)));
        Append(Stretch); // full now
        Assert.False(File.Exists(FilePath));
        var newest = Stretch with { Length = TimeSpan.FromSeconds(7) };
        Append(newest);

        var all = CheckpointRecording.Read(FilePath);
        Assert.Equal(40_003, all.Count);
        Assert.Equal(newest, all[^1]);
    }

    [Theory]
    [InlineData("")]
    [InlineData("Name,State\nweb1,Running\n")]
    [InlineData(Header + "2026-11-29T00:00:00Z,Colo,Mismatch,1,1,1\n")]
    [InlineData(Header + "2026-11-29T00:00:00Z,Sleep,Mismatch,1,1,1,1\n")]
    [InlineData(Header + "2026-11-29T00:00:00Z,7,Mismatch,1,1,1,1\n")]
    [InlineData(Header + "2026-11-29T00:00:00Z,Colo,Mismatch,-1,1,1,1\n")]
    [InlineData(Header + "2026-11-29T00:00:00Z,Colo,Mismatch,NaN,1,1,1\n")]
    [InlineData(Header + "2026-11-29T00:00:00Z,Colo,Mismatch,1e300,1,1,1\n")]
    [InlineData(Header + "2026-11-29T00:00:00Z,Colo,Mismatch,1,1,1,99999999999999999999\n")]
    public void A_file_that_is_no_record_of_checkpoints_is_refused(string text)
    {
        File.WriteAllText(FilePath, text);
        Assert.Throws<InvalidDataException>(() => CheckpointRecording.Read(FilePath));
    }

    private void Append(ModeStretch stretch) => CheckpointRecording.Append(_folder.FullName, DateTimeOffset.UtcNow, stretch);
}
