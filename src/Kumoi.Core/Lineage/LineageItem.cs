using Kumoi.Lineage.Nodes;

namespace Kumoi.Lineage;

/// <summary>One element of a chain in one evaluation, with all that is remembered of it.</summary>
internal abstract class LineageItem(IReadOnlyList<LineageNode> nodes)
{
    private readonly object?[] _outcomes = new object?[nodes.Count];
    private readonly Progress[] _progress = new Progress[nodes.Count];
    private bool _isOut;

    private enum Progress : byte
    {
        None = 0,
        Begun,
        Done,
    }

    /// <summary>The chain that it is in.</summary>
    public IReadOnlyList<LineageNode> Nodes => nodes;

    /// <summary>What comes into the chain.</summary>
    public abstract object? Source { get; }

    /// <summary>A number that is its own: draws are made by it.</summary>
    public abstract ulong Position { get; }

    /// <summary>The same for the same element in any evaluation.</summary>
    public abstract object Identity { get; }

    public abstract string Name { get; }

    /// <summary>The elements of sources that it is made of.</summary>
    public abstract IEnumerable<LineageItem> Elements { get; }

    /// <summary>It failed or was turned down: the chain is looked at without it.</summary>
    public virtual bool IsOut => _isOut;

    /// <summary>The round in which it was last read again; 0: never.</summary>
    public int ReadInRound { get; set; }

    public void TakeOut() => _isOut = true;

    public object? Outcome(int depth) => _outcomes[depth];

    public bool IsDone(int depth) => _progress[depth] is Progress.Done;

    /// <summary>The operator's function was run on it, to the end or not.</summary>
    public bool WasBegun(int depth) => _progress[depth] is not Progress.None;

    /// <summary>What the function did has been undone.</summary>
    public void Forget(int depth) => _progress[depth] = Progress.None;

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
}
