using System.Runtime.ExceptionServices;
using Kumoi.Fleets;

namespace Kumoi.Lineage;

/// <summary>
/// One evaluation of a chain, operator by operator. Elements that fail are taken out, and the ordinary chain over the rest says which
/// elements take their places; outcomes are remembered, so only the new ones are worked on. An operator is settled when nothing fails
/// there any more and as many elements reach it as did at first. A chain begins with a source, or where two others are joined.
/// </summary>
internal sealed partial class LineageRun
{
    private readonly LineageNode[] _nodes;
    private readonly LineageMemory _memory;
    private readonly LineageOrigin _origin;
    private readonly ExtractionState[] _extractions;
    private readonly HashSet<LineageNode> _told = [];
    private readonly LineageContext _context;
    private readonly List<IReadOnlyList<LineageItem>> _reaching = [];
    private int _changes;

    private LineageRun(LineageNode last, LineageContext context)
    {
        _nodes = new LineageNode[last.Depth + 1];
        for (var node = last; node is not null; node = node.Parent)
        {
            _nodes[node.Depth] = node;
        }

        _extractions = [.. _nodes.Select(_ => new ExtractionState())];
        _context = context;
        _memory = new LineageMemory(_nodes, context);
        _origin = _nodes[0] is JoinNode join
            ? join.Join(new LineageRun(join.Left, context), new LineageRun(join.Right, context), _memory, context)
            : new SourceOrigin((SourceNode)_nodes[0], _memory, context);
    }

    public bool CanRefresh => _origin.CanRefresh;

    private int End => _nodes.Length;

    /// <summary>The values of the elements that come out at the end.</summary>
    /// <exception cref="ReserveExhaustedException">An element failed and nothing was left to take its place.</exception>
    public static async Task<IReadOnlyList<T>> EvaluateAsync<T>(LineageNode last, LineageContext context)
    {
        var run = new LineageRun(last, context);
        context.Last = run;
        run.Begin();
        await run.SettleAsync();
        var items = await run.ReachingAsync(run.End);
        return [.. items.Select(item => item.Value<T>())];
    }

    public void Begin()
    {
        _origin.Begin();
        foreach (var node in _nodes)
        {
            node.Begin();
        }
    }

    /// <summary>Settles all operators, and looks at what comes out.</summary>
    public async Task SettleAsync()
    {
        await _origin.SettleAsync();
        await ReachingAsync(1);
        foreach (var node in _nodes.Where(node => node.Works || node.Asks))
        {
            await SettleAsync(node);
        }

        await ReachingAsync(End);
    }

    /// <summary>What comes out at the end. Null: more elements are out now.</summary>
    public Task<IReadOnlyList<LineageItem>?> TryEndAsync() => TryReachAsync(End);

    /// <summary>The item is one of this chain.</summary>
    public bool Holds(LineageItem item) => ReferenceEquals(item.Memory, _memory);

    /// <summary>What took a place holds it: another failure further down must not turn it down again.</summary>
    public void Hold() => Hold(End);

    /// <summary>Undoes what this evaluation did to elements that are out, last deed first.</summary>
    public async Task UndoAsync()
    {
        foreach (var node in _nodes.Reverse().Where(node => node.CanUndo && !_context.Options.KeepFailed))
        {
            List<LineageItem> begun = [.. _origin.Known.Where(item => item.IsOut && item.WasBegun(node.Depth))];
            var failures = await LineagePump.RunAsync(
                begun,
                _context.Options.MaxConcurrency,
                item => node.UndoAsync(item),
                (_, _) => false,
                CancellationToken.None);
            for (var i = 0; i < begun.Count; i++)
            {
                begun[i].Forget(node.Depth);
                _context.Record.Undone(node, begun[i], failures[i]);
            }
        }

        await _origin.UndoAsync();
    }

    /// <summary>
    /// Undoes what was done to elements that are out. What cannot be undone ends the evaluation: a substitute could be a second copy, here
    /// and in a lineage around this one.
    /// </summary>
    private async Task UndoOutAsync(LineageNode node, Exception cause)
    {
        await _context.Last!.UndoAsync();
        _context.CancellationToken.ThrowIfCancellationRequested();
        if (_context.Record.Undoing is { } undoing)
        {
            _context.Record.NotReplaced(node, FaultRules.NotUndone);
            throw cause is CompensationFailedException known ? known : new CompensationFailedException(cause, undoing);
        }
    }

    private async Task SettleAsync(LineageNode node)
    {
        ElementFailure? original = null;
        int? wanted = null;
        while (true)
        {
            _context.Round++;
            var items = await ReachingAsync(node.Depth);
            wanted ??= items.Count;
            if (items.Count < wanted)
            {
                var missing = wanted.Value - items.Count;
                if (!TurnDownDropped(node.Depth, items, missing) && !GiveUpHeld(node.Depth, missing))
                {
                    throw _context.Record.Exhausted(NearestExtraction(node.Depth, original!.Elements), original.Failure);
                }

                await UndoOutAsync(node, original!.Failure);
                continue;
            }

            var begun = node.Works ? Pending(node, items) : [];
            var failure = node.Asks ? await AskAsync(node, items) : await WorkAsync(node, begun);
            if (original is not null)
            {
                _context.Record.Succeeded(node, begun.Where(item => !item.IsOut));
            }

            if (failure is null)
            {
                Hold(node.Depth);
                return;
            }

            original ??= failure;
        }
    }

    private void Hold(int depth)
    {
        foreach (var extraction in ExtractionsAbove(depth))
        {
            _extractions[extraction.Depth].Settle();
        }

        _origin.Hold();
    }

    /// <summary>
    /// The ordinary chain, over the elements that are not out, down to the operator at <paramref name="depth"/>. The operators on the way
    /// work on what is new to them; when that takes more elements out, the chain is looked at anew. While nothing changes it is looked at
    /// once, from where somebody last looked to.
    /// </summary>
    private async Task<IReadOnlyList<LineageItem>> ReachingAsync(int depth)
    {
        while (true)
        {
            if (await TryReachAsync(depth) is { } items)
            {
                return items;
            }
        }
    }

    /// <summary>Null: more elements are out now.</summary>
    private async Task<IReadOnlyList<LineageItem>?> TryReachAsync(int depth)
    {
        _context.CancellationToken.ThrowIfCancellationRequested();
        if (_changes != _context.Changes)
        {
            _reaching.Clear();
            _changes = _context.Changes;
        }

        if (_reaching.Count == 0)
        {
            if (await _origin.TryItemsAsync() is not { } all)
            {
                return null;
            }

            Tell(_nodes[0], all.Count, all.Count);
            _reaching.Add(all);
        }

        // One for each operator: what reaches it from above, the first from the origin.
        for (var d = _reaching.Count; d < depth; d++)
        {
            var (node, items) = (_nodes[d], _reaching[^1]);
            if ((node.Works && await WorkAsync(node, Pending(node, items)) is not null)
                || (node.Asks && await AskAsync(node, items) is not null))
            {
                return null;
            }

            var arranged = node.Arrange(items, _extractions[d]);
            Tell(node, items.Count, arranged.Count);
            if (node.IsExtraction && !await EnterAsync(node, items, arranged))
            {
                return null;
            }

            _reaching.Add(arranged);
        }

        return _reaching[depth - 1];
    }

    /// <summary>Runs the operator's function on the items and takes out those that fail. Returns the first failure.</summary>
    private async Task<ElementFailure?> WorkAsync(LineageNode node, IReadOnlyList<LineageItem> items)
    {
        if (items.Count == 0)
        {
            return null;
        }

        _memory.Reserve(node.Depth);
        var failures = node.Function!.IsSynchronous
            ? node.Function.RunOnAll(items, node.Depth, IsFinal, _context.CancellationToken)
            : await LineagePump.RunAsync(
                items, _context.Options.MaxConcurrency, item => item.WorkAsync(node, _context.CancellationToken), IsFinal,
                _context.CancellationToken);
        return await FailAsync(node, items.Count, items, failures, isCandidate: false);

        bool IsFinal(LineageItem item, Exception failure) => !Blame(node.Depth, item, failure, hasReserve: false).IsReplaceable;
    }

    /// <summary>Lets the operator ask about the items, and takes out one that fails. It remembers what came of it.</summary>
    private async Task<ElementFailure?> AskAsync(LineageNode node, IReadOnlyList<LineageItem> items)
    {
        var extraction = _extractions[node.Depth];
        try
        {
            node.Arrange(items, extraction);
            return null;
        }
        catch (FailedElementException e)
        {
            // Once all above was settled, what it asks about are candidates of its own: one that fails is out, and the next is asked about.
            return await FailAsync(node, items.Count, [e.Item], [e.InnerException], isCandidate: extraction.Picks is not null);
        }
    }

    /// <summary>Takes out the items that failed. Returns the first failure.</summary>
    private async Task<ElementFailure?> FailAsync(
        LineageNode node, int count, IReadOnlyList<LineageItem> items, IReadOnlyList<Exception?> failures, bool isCandidate)
    {
        ElementFailure? first = null;
        (Exception Failure, LineageBlame Blame)? passing = null;
        for (var i = 0; i < failures.Count; i++)
        {
            if (failures[i] is { } failure)
            {
                var blame = Blame(node.Depth, items[i], failure, isCandidate);
                IReadOnlyList<LineageItem> elements = blame.Elements.Count > 0 ? blame.Elements : [.. items[i].Elements];
                Tell(node, count, null);
                _context.Record.Failed(node, LineageRecord.NameOf(items[i], elements), failure);
                elements.ToList().ForEach(element => element.TakeOut());
                first ??= new ElementFailure(failure, elements);
                passing ??= blame.IsReplaceable ? null : (failure, blame);
            }
        }

        if (first is not null)
        {
            await UndoOutAsync(node, passing?.Failure ?? first.Failure);
        }

        _context.CancellationToken.ThrowIfCancellationRequested();
        if (passing is { } thrown)
        {
            _context.Record.NotReplaced(node, thrown.Blame.WhyNot ?? "no extraction above");
            ExceptionDispatchInfo.Throw(thrown.Failure);
        }

        return first;
    }

    private void Tell(LineageNode node, int countIn, int? countOut)
    {
        if (_told.Add(node))
        {
            _context.Record.Operator(node, countIn, countOut);
        }
    }

    private static IReadOnlyList<LineageItem> Pending(LineageNode node, IReadOnlyList<LineageItem> items) =>
        items.Any(item => item.IsDone(node.Depth)) ? [.. items.Where(item => !item.IsDone(node.Depth))] : items;

    /// <summary>Nearest first.</summary>
    private IEnumerable<LineageNode> ExtractionsAbove(int depth) => _nodes.Take(depth).Reverse().Where(node => node.IsExtraction);
}
