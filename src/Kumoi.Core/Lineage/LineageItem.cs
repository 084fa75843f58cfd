using Kumoi.Hypervisors;
using Kumoi.Lineage.Nodes;

namespace Kumoi.Lineage;

/// <summary>One element of the source in one evaluation, with all that is remembered of it.</summary>
internal sealed class LineageItem(object? source, ulong position, object identity, IReadOnlyList<LineageNode> nodes)
{
    private readonly object?[] _outcomes = new object?[nodes.Count];
    private readonly Progress[] _progress = new Progress[nodes.Count];

    private enum Progress : byte
    {
        None = 0,
        Begun,
        Done,
    }

    /// <summary>The element as last read.</summary>
    public object? Source { get; set; } = source;

    /// <summary>Where it stands in the source, from 0.</summary>
    public ulong Position => position;

    /// <summary>The same for the same element in any evaluation: what it is, and which of such elements, from 0.</summary>
    public object Identity => identity;

    /// <summary>It failed or was turned down: the chain is looked at without it.</summary>
    public bool IsOut { get; set; }

    /// <summary>The round in which it was last read again; 0: never.</summary>
    public int ReadInRound { get; set; }

    public object? Outcome(int depth) => _outcomes[depth];

    public bool IsDone(int depth) => _progress[depth] is Progress.Done;

    /// <summary>The operator's function was run on it, to the end or not.</summary>
    public bool WasBegun(int depth) => _progress[depth] is not Progress.None;

    /// <summary>What the operator at <paramref name="depth"/> sees.</summary>
    public object? ValueAt(int depth)
    {
        for (var above = depth - 1; above > 0; above--)
        {
            if (nodes[above].Transforms)
            {
                return _outcomes[above];
            }
        }

        return Source;
    }

    /// <summary>The elements of a source.</summary>
    public static List<LineageItem> From(SourceNode source, IReadOnlyList<LineageNode> nodes)
    {
        Dictionary<object, int> seen = [];
        return [.. source.Elements.Select((element, i) => new LineageItem(element, (ulong)i, Identify(element, seen), nodes))];
    }

    /// <summary>The filter that turned it down when it was read again; null: none.</summary>
    public LineageNode? TurnedDownBy { get; private set; }

    /// <summary>Runs the operator's function on it and remembers the outcome.</summary>
    public async ValueTask WorkAsync(LineageNode node, CancellationToken cancellationToken)
    {
        _progress[node.Depth] = Progress.Begun;
        _outcomes[node.Depth] = await node.WorkAsync(ValueAt(node.Depth), cancellationToken);
        _progress[node.Depth] = Progress.Done;
    }

    /// <summary>Asks the operators above <paramref name="depth"/> again, after the element was read again.</summary>
    public async ValueTask CheckAgainAsync(int depth, CancellationToken cancellationToken)
    {
        foreach (var node in nodes.Take(depth).Where(node => node.ChecksAgain))
        {
            await WorkAsync(node, cancellationToken);
            if (!node.Passes(_outcomes[node.Depth]))
            {
                TurnedDownBy = node;
                return;
            }
        }
    }

    private static (object What, int Nth) Identify(object? element, Dictionary<object, int> seen)
    {
        // Two readings of one host or VM are never equal.
        var what = element switch
        {
            HostReading host => host.HostName,
            VMReading vm => vm.Id,
            null => "",
            _ => element,
        };
        var nth = seen.GetValueOrDefault(what);
        seen[what] = nth + 1;
        return (what, nth);
    }
}
