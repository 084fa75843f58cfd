using System.Text;
using Kumoi.FaultTolerance.Protocols.LogReplay;

namespace Kumoi.Tests.FaultTolerance.Protocols.LogReplay;

/// <summary>What docs/experiments.md has about log and replay, as the walks give it.</summary>
internal static class ReplayPage
{
    private const string End = "<!-- end -->";

    private static readonly ReplayModel Small = new() { MaxOutputs = 1, MaxHeld = 1 };

    /// <summary>A model for each way to break the rules that are compared, with what it is in words.</summary>
    public static IReadOnlyList<(string What, ReplayPromise Promise, ReplayModel Model)> Ways { get; } =
    [
        ("The thesis' rule contradicts what was seen", ReplayPromise.Contradicted, Small with { Rule = OutputRule.Thesis }),
        ("The thesis' rule repeats", ReplayPromise.Repeated, Small with { Rule = OutputRule.Thesis, ForbidsRepeats = true }),
        ("The classic rule loses", ReplayPromise.Lost, Small with { Rule = OutputRule.Classic }),
        ("The classic rule repeats", ReplayPromise.Repeated, Small with { Rule = OutputRule.Classic, ForbidsRepeats = true }),
        ("Without the wait for notices more than one output is repeated", ReplayPromise.Repeated,
            new ReplayModel { Rule = OutputRule.Suffix, MaxEvents = 0 }),
        ("What remains: Kumoi's rule repeats the last output", ReplayPromise.Repeated, Small with { ForbidsRepeats = true }),
    ];

    private static readonly (string Name, ReplayModel Model)[] Columns =
    [
        ("Kumoi", new ReplayModel()),
        ("Kumoi, no wait for notices", new ReplayModel { Rule = OutputRule.Suffix }),
        ("thesis", new ReplayModel { Rule = OutputRule.Thesis }),
        ("classic", new ReplayModel { Rule = OutputRule.Classic }),
    ];

    private static readonly (string Name, ReplayModel Model)[] CrashColumns =
    [
        ("Kumoi", new ReplayModel { MaxHeld = 1 }),
        ("Kumoi, outside knows ids", new ReplayModel { MaxHeld = 1, OutsideDropsKnown = true }),
        ("thesis", new ReplayModel { MaxHeld = 1, Rule = OutputRule.Thesis }),
        ("classic", new ReplayModel { MaxHeld = 1, Rule = OutputRule.Classic }),
    ];

    private static readonly Lazy<List<(CrashPoint Point, IReadOnlyList<string>[] Fates)>> LazyCrashTable = new(static () =>
        [.. CrashPoint.All.Select(static point => (point, CrashColumns.Select(column => FatesAt(point, column.Model)).ToArray()))]);

    private static readonly string[] Fates = ["once", "twice", "3 times", "never", "lost", "contradicted", "the VM is lost"];

    /// <summary>The page with its tables and traces as they came out.</summary>
    public static string PutInto(string page)
    {
        page = Put(page, "log and replay: depths", DrawDepths());
        page = Put(page, "log and replay: promises", DrawPromises());
        page = Put(page, "log and replay: crash points", DrawCrashPoints());
        return Put(page, "log and replay: traces", DrawTraces());
    }

    /// <summary>
    /// What may become of an output at each crash point: by Kumoi's rule, by that with an outside that knows ids, by the thesis', by the
    /// classic one.
    /// </summary>
    public static IEnumerable<(CrashPoint Point, IReadOnlyList<string>[] Fates)> CrashTable => LazyCrashTable.Value;

    private static IReadOnlyList<string> FatesAt(CrashPoint point, ReplayModel model)
    {
        var ends = ReplayWalk.Through(model with { CrashPoint = point, MaxFaults = point.Faults }).Ends;
        return [.. ends.Where(end => end.Faults == point.Faults).Select(static end => ReplayPromises.Fate(end, end.Watched))
            .Distinct().OrderBy(static fate => Array.IndexOf(Fates, fate))];
    }

    private static string DrawDepths() => Table(
        ["faults", "outputs", "events on a", "held at most", "worlds", "steps to the last", "broken", "repeated at most"],
        ReplayDepths.All.Select(static (model, depth) => (model, Walk: ReplayDepths.Walk(depth))).Select(static one => (string[])
        [
            $"{one.model.MaxFaults}", $"{one.model.MaxOutputs}", $"{one.model.MaxEvents}", $"{one.model.MaxHeld}",
            FormattableString.Invariant($"{one.Walk.Count:N0}"), $"{one.Walk.Depth}", $"{one.Walk.Broken.Count}", $"{one.Walk.MostRepeats}",
        ]));

    private static string DrawPromises()
    {
        var walks = Columns.Select(static column => ReplayWalk.Through(column.Model)).ToList();
        return Table(
            ["promise", .. Columns.Select(static column => column.Name)],
            Enum.GetValues<ReplayPromise>().Select(promise => (string[])
            [
                Words(promise),
                .. walks.Select(walk => walk.FirstBroken(promise) is { } trace ? $"**broken** after {trace.Steps.Count} steps" : "holds"),
            ]).Append(["worlds walked", .. walks.Select(static walk => FormattableString.Invariant($"{walk.Count:N0}"))]));
    }

    private static string DrawCrashPoints() => Table(
        ["what fails, and when", .. CrashColumns.Select(static column => column.Name)],
        CrashTable.Select(static row => (string[])
        [
            row.Point.Name, .. row.Fates.Select(static fates => fates.Count == 0 ? "cannot be" : string.Join(" or ", fates.Select(Bold))),
        ]));

    private static string DrawTraces()
    {
        var traces = Ways.Select(static way => (way.What, Trace: ReplayWalk.Through(way.Model, way.Promise).FirstBroken(way.Promise)!));
        return string.Join('\n', traces.Select(static one =>
            $"{one.What}. The outside has got: {one.Trace.End}.\n```text\n{one.Trace.Numbered}\n```\n"));
    }

    private static string Bold(string fate) => fate is "lost" or "contradicted" ? $"**{fate}**" : fate;

    private static string Words(ReplayPromise promise) => promise switch
    {
        ReplayPromise.Lost => "no output is lost",
        ReplayPromise.Contradicted => "none is contradicted",
        ReplayPromise.OutOfOrder => "they come in order",
        ReplayPromise.Repeated => "only the last is repeated, once, and only if who performed it ended before it could tell",
        ReplayPromise.TwoServe => "one serves at a time",
        ReplayPromise.VMLost => "one fault does not end the VM",
        ReplayPromise.Stuck => "it always goes on",
        _ => throw new ArgumentOutOfRangeException(nameof(promise)),
    };

    private static string Table(string[] head, IEnumerable<string[]> rows)
    {
        var table = new StringBuilder().Append($"{Row(head)}\n{Row(head.Select(static _ => "---"))}\n");
        foreach (var row in rows)
        {
            table.Append($"{Row(row)}\n");
        }

        return table.ToString();
    }

    private static string Row(IEnumerable<string> cells) => $"| {string.Join(" | ", cells)} |";

    private static string Put(string page, string name, string text)
    {
        var mark = $"<!-- {name} -->\n";
        var begin = page.IndexOf(mark, StringComparison.Ordinal);
        var end = begin < 0 ? -1 : page.IndexOf(End, begin, StringComparison.Ordinal);
        return end > begin
            ? $"{page[..(begin + mark.Length)]}{text}{page[end..]}"
            : throw new InvalidOperationException($"docs/experiments.md has no '<!-- {name} -->' with '{End}' after it.");
    }
}
