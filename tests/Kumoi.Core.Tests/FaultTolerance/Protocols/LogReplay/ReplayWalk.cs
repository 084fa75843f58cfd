using Kumoi.FaultTolerance.Protocols.LogReplay;

namespace Kumoi.Tests.FaultTolerance.Protocols.LogReplay;

/// <summary>What came out of walking every world of a pair that logs and replays, over the product's own classes.</summary>
internal sealed record ReplayWalk(ReplayModel Model)
{
    /// <summary>Rules that are broken may have no end.</summary>
    private const int MaxCount = 1_000_000;

    /// <summary>How many different worlds there were.</summary>
    public int Count { get; private init; }

    /// <summary>How many steps the last of them is away from the first.</summary>
    public int Depth { get; private init; }

    /// <summary>How often the outside got what it had, in any of them.</summary>
    public int MostRepeats { get; private init; }

    /// <summary>Broken promises, each kind once with a shortest way to it, the shortest first.</summary>
    public IReadOnlyList<ReplayTrace> Broken { get; private init; } = [];

    /// <summary>The worlds after which nothing happens any more.</summary>
    public IReadOnlyList<ReplayWorld> Ends { get; private init; } = [];

    /// <summary>Walks all of them; or until that promise is broken.</summary>
    public static ReplayWalk Through(ReplayModel model, ReplayPromise? until = null)
    {
        var promises = new ReplayPromises(model);
        var explorer = new WorldExplorer<ReplayWorld>(static world => world.Key, new ReplaySteps(model).After);
        List<ReplayTrace> traces = [];
        List<ReplayWorld> ends = [];
        var mostRepeats = 0;
        var first = new ReplayWorld
        {
            Primary = ReplayPrimary.Begin(model.Rule, model.MaxHeld, lastPerformed: 0),
            Backup = ReplayBackup.Begin(model.Rule, lastPerformed: 0),
        };
        foreach (var (at, world, isEnd) in explorer.Walk(first))
        {
            mostRepeats = Math.Max(mostRepeats, ReplayPromises.Repeats(world));
            foreach (var broken in isEnd ? promises.BrokenAtEnd(world) : promises.Broken(world))
            {
                if (!traces.Exists(trace => trace.Broken == broken))
                {
                    traces.Add(new ReplayTrace(broken, [.. explorer.WayTo(at).Skip(1).Select(static step => step.What)], world));
                }
            }

            if (isEnd)
            {
                ends.Add(world);
            }

            if (until is not null && traces is [.., var last] && last.Broken == until)
            {
                break;
            }

            if (explorer.Count > MaxCount)
            {
                throw new InvalidOperationException($"There are more than {MaxCount} worlds. {string.Join('\n', traces)}");
            }
        }

        return new ReplayWalk(model)
        {
            Count = explorer.Count,
            Depth = explorer.Depth,
            MostRepeats = mostRepeats,
            Broken = traces,
            Ends = ends,
        };
    }

    public ReplayTrace? FirstBroken(ReplayPromise promise) => Broken.FirstOrDefault(trace => trace.Broken == promise);
}
