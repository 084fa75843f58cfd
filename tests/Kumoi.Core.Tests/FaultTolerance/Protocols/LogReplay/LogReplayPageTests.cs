using Xunit;

namespace Kumoi.Tests.FaultTolerance.Protocols.LogReplay;

/// <summary>The part "Log and replay" of docs/experiments.md.</summary>
public sealed class LogReplayPageTests
{
    [Fact]
    public void The_tables_and_traces_in_the_page_are_what_the_walks_give()
    {
        var path = Path.Combine(Architecture.Rooms.Source, "..", "docs", "experiments.md");
        var page = File.ReadAllText(path).ReplaceLineEndings("\n");
        var made = ReplayPage.PutInto(page);
        if (Environment.GetEnvironmentVariable("KUMOI_DRAW") is "1")
        {
            File.WriteAllText(path, made);
            return;
        }

        Assert.True(
            page == made,
            "docs/experiments.md shows other rows or traces of log and replay than the walks give: KUMOI_DRAW=1 writes them.");
    }

    [Fact]
    public void At_each_crash_point_the_rule_of_pairs_performs_an_output_once_or_twice_and_the_others_lose_or_contradict_somewhere()
    {
        var table = ReplayPage.CrashTable.ToList();

        Assert.All(table.Where(static row => row.Point.Name != CrashPoint.All[^1].Name), static row =>
        {
            Assert.Empty(row.Fates[0].Except(["once", "twice"]));
            Assert.Empty(row.Fates[1].Except(["once"]));
        });
        Assert.Contains(table, static row => row.Fates[2].Contains("contradicted"));
        Assert.DoesNotContain(table, static row => row.Fates[2].Contains("lost"));
        Assert.Contains(table, static row => row.Fates[3].Contains("lost"));
        Assert.DoesNotContain(table, static row => row.Fates[3].Contains("contradicted"));
    }
}
