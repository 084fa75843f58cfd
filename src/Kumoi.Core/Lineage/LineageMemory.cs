using Kumoi.Lineage.Nodes;

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
    private readonly Progress[]?[] _progress;
    private readonly int[] _inputs;

    public LineageMemory(LineageNode[] nodes, LineageContext context)
    {
        _nodes = nodes;
        _context = context;
        _values = [.. nodes.Select(node => node.Function?.NewOutcomes())];
        _progress = [.. nodes.Select(node => node.Function is null ? null : Array.Empty<Progress>())];
        _inputs = new int[nodes.Length + 1];
        for (var depth = 2; depth < _inputs.Length; depth++)
        {
            _inputs[depth] = nodes[depth - 1].Transforms ? depth - 1 : _inputs[depth - 1];
        }
    }

    private enum Progress : byte
    {
        None = 0,
        Begun,
        Done,
    }

    /// <summary>The chain.</summary>
    public IReadOnlyList<LineageNode> Nodes => _nodes;

    /// <summary>How many elements ever came.</summary>
    public int Count { get; private set; }

    /// <summary>What comes into the chain.</summary>
    public LineageValues Source
    {
        set => _values[0] = value;
    }

    /// <summary>A place for one more element.</summary>
    public int Add() => Count++;

    /// <summary>Makes the places for what an operator's function is about to be run on.</summary>
    public void Reserve(int depth)
    {
        _values[depth]!.Reserve(Count);
        if (_progress[depth]!.Length < Count)
        {
            Array.Resize(ref _progress[depth], Count);
        }
    }

    /// <summary>An element is out.</summary>
    public void NoteOut() => _context.Changes++;

    /// <summary>What the operator at <paramref name="depth"/> sees.</summary>
    public LineageValues<T> ValuesAt<T>(int depth) => (LineageValues<T>)_values[_inputs[depth]]!;

    /// <summary>What the function of the operator at <paramref name="depth"/> gave.</summary>
    public LineageOutcomes<T> Outcomes<T>(int depth) => (LineageOutcomes<T>)_values[depth]!;

    public void Begin(LineageItem item, int depth) => _progress[depth]![item.Index] = Progress.Begun;

    public void End(LineageItem item, int depth) => _progress[depth]![item.Index] = Progress.Done;

    public void Forget(LineageItem item, int depth) => _progress[depth]![item.Index] = Progress.None;

    public bool IsDone(LineageItem item, int depth) => Of(item, depth) is Progress.Done;

    public bool WasBegun(LineageItem item, int depth) => Of(item, depth) is not Progress.None;

    private Progress Of(LineageItem item, int depth)
    {
        var progress = _progress[depth]!;
        return item.Index < progress.Length ? progress[item.Index] : Progress.None;
    }
}
