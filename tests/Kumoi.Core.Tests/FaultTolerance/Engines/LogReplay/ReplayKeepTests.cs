using System.Xml.Linq;
using Kumoi.FaultTolerance.Engines;
using Kumoi.FaultTolerance.Engines.LogReplay;
using Kumoi.FaultTolerance.Modes;
using Kumoi.Hypervisors;
using Xunit;

namespace Kumoi.Tests.FaultTolerance.Engines.LogReplay;

/// <summary>What stays of recordings that are over.</summary>
public sealed class ReplayKeepTests : IDisposable
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 2, 12, 0, 0, TimeSpan.Zero);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("kumoi-keep-");
    private readonly PairPlan _plan;
    private readonly ReplayFiles _files;

    public ReplayKeepTests()
    {
        _plan = new PairPlan(Guid.NewGuid(), _folder.FullName, ["k1", "k2"], new PairGoals(null), []) { KeepLogBytes = 1 << 20 };
        _files = new ReplayFiles(_plan);
    }

    private string Kept => ReplayKeep.FolderOf(_folder.FullName);

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void A_life_is_kept_when_it_is_over_with_the_longest_log_of_its_replicas_and_the_outputs_of_all()
    {
        var (life, next) = (Id(1), Id(2));
        Attempt(Id(11), life, logBytes: 100);
        Attempt(Id(12), life, logBytes: 300);
        Attempt(Id(13), life, logBytes: 50); // a replica that has not come to anything
        Attempt(Id(21), next, logBytes: 10);
        Record(life, Moment(1, 90), Moment(2, 280));
        Record(next, Moment(9, 10));

        new ReplayKeep(_plan).Keep(Id(21));
        _files.DropReplicas(Id(21));

        var (recording, moment) = KeptRecording.Find(_folder.FullName, Noon.AddSeconds(2));
        Assert.Equal(Kept, Path.GetDirectoryName(recording.Folder));
        Assert.Equal([1, 2], recording.All.Select(static one => one.Count));
        Assert.Equal((2, 300), (moment.Count, recording.LogBytes));
        Assert.Equal((new Version(10, 0, 13), "k1"), (recording.Qemu, recording.Host));
        Assert.False(File.Exists(_files.Log(Id(12))));
        Assert.True(File.Exists(_files.Log(Id(21))), "the one that goes on is left");
        Assert.True(File.Exists(_files.Moments(next)));
        Assert.Single(Directory.GetDirectories(Kept));
    }

    [Fact]
    public void Nothing_is_kept_of_a_pair_that_was_not_asked_to_or_of_a_recording_without_an_output()
    {
        Attempt(Id(11), Id(1), logBytes: 100);
        Record(Id(1), Moment(1, 90));
        Attempt(Id(21), Id(2), logBytes: 100);

        new ReplayKeep(_plan with { KeepLogBytes = null }).Keep(but: null);
        Assert.False(Directory.Exists(Kept));

        new ReplayKeep(_plan).Keep(but: null);
        Assert.Single(Directory.GetDirectories(Kept));
    }

    [Fact]
    public void A_recording_that_goes_on_after_it_was_kept_is_kept_once_with_all_its_outputs()
    {
        Attempt(Id(11), Id(1), logBytes: 100);
        Record(Id(1), Moment(1, 90));
        new ReplayKeep(_plan).Keep(but: null); // the pair has ended, the VM is recorded on
        Attempt(Id(12), Id(1), logBytes: 300);
        Record(Id(1), Moment(5, 280));

        new ReplayKeep(_plan).Keep(but: null);

        var folder = Assert.Single(Directory.GetDirectories(Kept));
        Assert.Equal([1, 5], KeptRecording.Find(folder, to: null).Recording.All.Select(static moment => moment.Count));
    }

    /// <summary>After each of the files that are moved, and at the two renames.</summary>
    [Theory]
    [InlineData("moments")]
    [InlineData("start.qcow2")]
    [InlineData("log")]
    [InlineData("domain.xml")]
    [InlineData("recording.json")]
    public void A_recording_that_is_half_kept_does_not_pass_for_a_whole_one_and_the_next_process_ends_it(string last)
    {
        Attempt(Id(11), Id(1), logBytes: 100);
        Record(Id(1), Moment(1, 90));
        new ReplayKeep(_plan).Keep(but: null);
        var whole = Assert.Single(Directory.GetDirectories(Kept));
        var part = Path.Combine(Kept, $"{Id(1)}-{Id(11)}.part");
        Directory.Move(whole, part);
        foreach (var (name, live) in new (string, string)[]
        {
            ("recording.json", ""), ("domain.xml", _files.Domain(Id(11))), ("log", _files.Log(Id(11))),
            ("start.qcow2", _files.Start(Id(11))), ("moments", _files.Moments(Id(1))),
        }.TakeWhile(file => file.Item1 != last))
        {
            File.Move(Path.Combine(part, name), live.Length > 0 ? live : Path.Combine(_folder.FullName, "not-yet"));
        }

        if (last is not "recording.json")
        {
            Assert.Throws<HypervisorException>(() => KeptRecording.Find(Kept, to: null));
        }

        new ReplayKeep(_plan).Keep(but: null);

        Assert.Equal(100, KeptRecording.Find(Kept, to: null).Recording.LogBytes);
        Assert.Single(Directory.GetDirectories(Kept));
    }

    [Fact]
    public void The_oldest_recordings_go_when_they_take_more_room_than_they_may_but_none_of_which_a_VM_was_made()
    {
        var keep = new ReplayKeep(_plan with { KeepLogBytes = 500 });
        List<string> folders = [];
        for (var life = 1; life <= 4; life++)
        {
            Attempt(Id(10 + life), Id(life), logBytes: 400);
            File.SetLastWriteTimeUtc(_files.Log(Id(10 + life)), Noon.AddMinutes(life).UtcDateTime);
            Record(Id(life), Moment(60 * life, 90));
            keep.Keep(but: null);
            folders.Add(Directory.GetDirectories(Kept).Except(folders).Single());
            if (life == 1)
            {
                Directory.CreateDirectory(Path.Combine(folders[0], ReplayMark.FolderNameOf(Guid.NewGuid())));
            }
        }

        Assert.Equal([folders[0], folders[3]], Directory.GetDirectories(Kept).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void An_instant_outside_of_all_recordings_is_refused_with_where_they_begin_and_end()
    {
        Attempt(Id(11), Id(1), logBytes: 100);
        File.SetLastWriteTimeUtc(_files.Log(Id(11)), Noon.AddSeconds(10).UtcDateTime);
        Record(Id(1), Moment(2, 50), Moment(4, 90));

        foreach (var seconds in new[] { 1, 11 })
        {
            var refusal = Assert.Throws<HypervisorException>(() => KeptRecording.Find(_folder.FullName, Noon.AddSeconds(seconds)));
            Assert.Contains(KeptRecording.Format(Noon.AddSeconds(2)), refusal.Message, StringComparison.Ordinal);
            Assert.Contains(KeptRecording.Format(Noon.AddSeconds(10)), refusal.Message, StringComparison.Ordinal);
        }

        Assert.Equal(2, KeptRecording.Find(_folder.FullName, Noon.AddSeconds(3)).Moment.Count);
        Assert.Equal(4, KeptRecording.Find(_folder.FullName, Noon.AddSeconds(10)).Moment.Count);
    }

    [Fact]
    public void A_log_that_is_not_whole_leads_to_the_last_output_of_which_all_is_there()
    {
        Attempt(Id(11), Id(1), logBytes: 100);
        Record(Id(1), Moment(1, 50), Moment(2, 90));
        new ReplayKeep(_plan).Keep(but: null);
        var folder = Assert.Single(Directory.GetDirectories(Kept));
        File.WriteAllBytes(Path.Combine(folder, KeptRecording.Log), new byte[89]);

        Assert.Equal(1, KeptRecording.Find(folder, to: null).Moment.Count);
        File.WriteAllBytes(Path.Combine(folder, KeptRecording.Log), new byte[49]);
        Assert.Contains(
            "not whole", Assert.Throws<HypervisorException>(() => KeptRecording.Find(folder, to: null)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_line_that_was_being_written_when_its_process_died_is_left_out_and_what_follows_is_not()
    {
        Record(Id(1), Moment(1, 50));
        File.AppendAllText(_files.Moments(Id(1)), "{\"Moment\":{\"At\":");
        Record(Id(1), Moment(2, 90));

        Assert.Equal([1, 2], ReplayMoments.Read(_files.Moments(Id(1))).Moments.Select(static moment => moment.Count));
    }

    [Fact]
    public void What_recorded_it_is_known_also_when_the_first_process_died_while_it_said_so()
    {
        File.WriteAllText(_files.Moments(Id(1)), "{\"Qemu\":\"10.0");
        Record(Id(1), Moment(1, 50));

        var (qemu, host, moments) = ReplayMoments.Read(_files.Moments(Id(1)));
        Assert.Equal((new Version(10, 0, 13), "k1"), (qemu, host));
        Assert.Single(moments);
    }

    private static string Id(int number) => new Guid(number, 0, 0, new byte[8]).ToString("N");

    private static ReplayMoment Moment(int second, long logBytes) =>
        new(Noon.AddSeconds(second), second, 0, second, "", logBytes);

    private void Record(string recording, params ReplayMoment[] moments)
    {
        using var file = ReplayMoments.Append(_files.Moments(recording), new Version(10, 0, 13), "k1");
        foreach (var moment in moments)
        {
            file.Write(moment);
        }
    }

    private void Attempt(string attempt, string recording, int logBytes)
    {
        var vm = new XElement("domain", new XElement("name", "web1"), new XElement("uuid", _plan.VM), new XElement("devices"));
        File.WriteAllText(
            _files.Domain(attempt),
            ReplayDefinition.Recorded(vm, _plan, _files.Record(recording), _files.Image(recording)).ToString());
        File.WriteAllBytes(_files.Log(attempt), new byte[logBytes]);
        File.WriteAllText(_files.Start(attempt), "");
    }
}
