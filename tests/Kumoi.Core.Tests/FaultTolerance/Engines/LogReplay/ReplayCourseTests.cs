using System.Xml.Linq;
using Kumoi.FaultTolerance.Engines;
using Kumoi.FaultTolerance.Engines.LogReplay;
using Kumoi.FaultTolerance.Modes;
using Xunit;

namespace Kumoi.Tests.FaultTolerance.Engines.LogReplay;

/// <summary>How far a replica is behind its VM.</summary>
public sealed class ReplayCourseTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("kumoi-course-");

    public void Dispose() => _folder.Delete(recursive: true);

    /// <summary>The log of a VM that stands still grows by each look at it: a VM that waited for its replay would wait for ever.</summary>
    [Fact]
    public async Task One_that_is_at_all_that_it_was_told_of_is_not_behind_however_long_the_log_is()
    {
        var record = Path.Combine(_folder.FullName, "record");
        await File.WriteAllBytesAsync(record, new byte[2 * ReplayLag.MostBytes], TestContext.Current.CancellationToken);
        await using var stream = new LogStream(record, Path.Combine(_folder.FullName, "log"), TimeProvider.System);
        var plan = new PairPlan(Guid.NewGuid(), _folder.FullName, [], new PairGoals(1), []);
        var course = new ReplayCourse(plan, new ReplayPoint(0, 1000, 0, ""), TimeProvider.System)
        {
            Stream = stream,
            Live = new XElement("domain"),
            Attempt = "",
            Recording = "",
            Origin = 0,
            Primary = null!, // nobody moves it here
            Replica = null!,
            Successor = null!,
            Console = null!,
            Echo = null!,
            Log = null!,
        };

        Assert.True(SpinWait.SpinUntil(() => stream.Sent == stream.Recorded, TimeSpan.FromSeconds(30)));
        Assert.Equal(ReplayLag.There(unsent: 0), course.Lag);
        Assert.True(course.Lag.IsNear);
    }
}
