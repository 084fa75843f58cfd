namespace Kumoi.Lineage;

/// <summary>
/// What one evaluation remembers of the elements of a chain. Elements are worked on concurrently; each has its own place, and places are
/// made before that, by one thread.
/// </summary>
internal sealed class LineageMemory
{
    private readonly LineageNode[] _nodes;
    private readonly LineageContext _context;
    private readonly LineageValues?[] _values;
    private readonly LineageProgress?[] _progress;
    private readonly int[] _inputs;
    private readonly Dictionary<LineageItem, int> _rounds = [];

    public LineageMemory(LineageNode[] nodes, LineageContext context)
    {
        _nodes = nodes;
        _context = context;
        _values = [.. nodes.Select(node => node.Function?.NewOutcomes())];
        _progress = [.. nodes.Select(node => node.Function is null ? null : new LineageProgress())];
        _inputs = new int[nodes.Length + 1];
        for (var depth = 2; depth < _inputs.Length; depth++)
        {
            _inputs[depth] = nodes[depth - 1].Transforms ? depth - 1 : _inputs[depth - 1];
        }
    }

    /// <summary>The chain.</summary>
    public IReadOnlyList<LineageNode> Nodes => _nodes;

    /// <summary>How many elements ever came.</summary>
    public int Count { get; private set; }

    /// <summary>What comes into the chain.</summary>
    public LineageValues Source
    {
        get => _values[0]!;
        set => _values[0] = value;
    }

    /// <summary>A place for one more element.</summary>
    public int Add() => Count++;

    /// <summary>Makes the places for what an operator's function is about to be run on.</summary>
    public void Reserve(int depth)
    {
        _values[depth]!.Reserve(Count);
        _progress[depth]!.Reserve(Count);
    }

    /// <inheritdoc cref="LineageItem.ReadInRound"/>
    public int RoundOf(LineageItem item) => _rounds.GetValueOrDefault(item);

    public void NoteRound(LineageItem item, int round) => _rounds[item] = round;

    /// <summary>An element is out.</summary>
    public void NoteOut() => _context.Changes++;

    /// <summary>What the operator at <paramref name="depth"/> sees.</summary>
    public LineageValues<T> ValuesAt<T>(int depth) => (LineageValues<T>)_values[_inputs[depth]]!;

    /// <summary>What the function of the operator at <paramref name="depth"/> gave.</summary>
    public LineageOutcomes<T> Outcomes<T>(int depth) => (LineageOutcomes<T>)_values[depth]!;

    /// <summary>How far it got.</summary>
    public LineageProgress ProgressOf(int depth) => _progress[depth]!;
}
