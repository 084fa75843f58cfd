namespace Kumoi.Tests.FaultTolerance.Protocols;

/// <summary>Walks every world that can come about, breadth first, so that the way to a world is one of the shortest.</summary>
/// <param name="keyOf">Two worlds with the same key go on in the same ways.</param>
/// <param name="after">All that can happen next.</param>
internal sealed class WorldExplorer<TWorld>(Func<TWorld, string> keyOf, Func<TWorld, IEnumerable<Step<TWorld>>> after)
{
    private readonly HashSet<string> _known = new(StringComparer.Ordinal);
    private readonly List<(int From, int Depth, Step<TWorld> Step)> _found = [];

    /// <summary>How many different worlds there were.</summary>
    public int Count => _found.Count;

    /// <summary>How many steps the last of them is away from the first.</summary>
    public int Depth => _found.Count == 0 ? 0 : _found[^1].Depth;

    /// <summary>
    /// Each world, before what comes after it is looked for; and a second time, as an end, if nothing does.
    /// </summary>
    public IEnumerable<(int At, TWorld World, bool IsEnd)> Walk(TWorld first)
    {
        Add(-1, new Step<TWorld>("start", first));
        for (var at = 0; at < _found.Count; at++)
        {
            var world = _found[at].Step.World;
            yield return (at, world, false);
            var isEnd = true;
            foreach (var next in after(world))
            {
                isEnd = false;
                Add(at, next);
            }

            if (isEnd)
            {
                yield return (at, world, true);
            }
        }
    }

    /// <summary>A shortest way to a world that was walked, from the first one on.</summary>
    public IReadOnlyList<Step<TWorld>> WayTo(int at)
    {
        List<Step<TWorld>> way = [];
        for (; at >= 0; at = _found[at].From)
        {
            way.Add(_found[at].Step);
        }

        way.Reverse();
        return way;
    }

    private void Add(int from, Step<TWorld> step)
    {
        if (_known.Add(keyOf(step.World)))
        {
            _found.Add((from, from < 0 ? 0 : _found[from].Depth + 1, step));
        }
    }
}
