namespace Kumoi.Lineage;

/// <summary>One element of a chain in one evaluation. What operators made of it is in the chain's memory.</summary>
internal abstract class LineageItem(LineageMemory memory)
{
    private bool _isOut;

    public LineageMemory Memory => memory;

    /// <summary>Its place in the memory.</summary>
    public int Index { get; } = memory.Add();

    /// <summary>A number that is its own: draws are made by it.</summary>
    public abstract ulong Position { get; }

    /// <summary>The same for the same element in any evaluation.</summary>
    public abstract object Identity { get; }

    public abstract string Name { get; }

    /// <summary>The elements of sources that it is made of.</summary>
    public abstract IEnumerable<LineageItem> Elements { get; }

    /// <summary>It failed or was turned down: the chain is looked at without it.</summary>
    public virtual bool IsOut => _isOut;

    /// <summary>Of an element of a source: the round in which it was last read again; 0: never.</summary>
    public int ReadInRound
    {
        get => memory.RoundOf(this);
        set => memory.NoteRound(this, value);
    }

    public void TakeOut()
    {
        _isOut = true;
        memory.NoteOut();
    }

    /// <summary>What the function of the operator at <paramref name="depth"/> gave.</summary>
    public T Outcome<T>(int depth) => memory.Outcomes<T>(depth).Of(this);

    public bool IsDone(int depth) => memory.ProgressOf(depth).IsDone(this);

    /// <summary>The operator's function was run on it, to the end or not.</summary>
    public bool WasBegun(int depth) => memory.ProgressOf(depth).WasBegun(this);

    /// <summary>What the function did has been undone.</summary>
    public void Forget(int depth) => memory.ProgressOf(depth).Forget(this);

    /// <summary>What the operator at <paramref name="depth"/> sees.</summary>
    public T ValueAt<T>(int depth) => memory.ValuesAt<T>(depth).Of(this);

    /// <summary>What comes out at the end of the chain.</summary>
    public T Value<T>() => ValueAt<T>(memory.Nodes.Count);

    /// <summary>Runs the operator's function on it and remembers the outcome.</summary>
    public ValueTask WorkAsync(LineageNode node, CancellationToken cancellationToken) =>
        node.Function!.RunAsync(this, node.Depth, cancellationToken);

    /// <summary>
    /// Asks the operators above <paramref name="depth"/> again, after the element was read again. Gives the filter that turns it down;
    /// null:
    /// none does.
    /// </summary>
    public async ValueTask<LineageNode?> CheckAgainAsync(int depth, CancellationToken cancellationToken)
    {
        foreach (var node in memory.Nodes.Take(depth).Where(node => node.ChecksAgain))
        {
            await WorkAsync(node, cancellationToken);
            if (!node.Passes(this))
            {
                return node;
            }
        }

        return null;
    }
}
