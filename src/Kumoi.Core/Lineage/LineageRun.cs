using System.Runtime.ExceptionServices;
using Kumoi.Lineage.Nodes;

namespace Kumoi.Lineage;

/// <summary>
/// One evaluation of a lineage, operator by operator. Elements that fail are taken out, and the ordinary chain over the rest says which
/// elements take their places; outcomes are remembered, so only the new ones are worked on. An operator is settled when nothing fails
/// there any more and as many elements reach it as did at first.
/// </summary>
internal sealed class LineageRun
{
    private readonly LineageNode[] _nodes;
    private readonly SourceNode _source;
    private readonly ExtractionState[] _extractions;
    private readonly List<LineageItem> _items;
    private readonly LineageRecord _record;
    private readonly LineageOptions _options;
    private readonly CancellationToken _cancellationToken;
    private int _round;

    public LineageRun(LineageNode last, LineageTrace trace, LineageOptions options, CancellationToken cancellationToken)
    {
        _nodes = new LineageNode[last.Depth + 1];
        for (LineageNode? node = last; node is not null; node = node.Parent)
        {
            _nodes[node.Depth] = node;
        }

        _source = (SourceNode)_nodes[0];
        _extractions = [.. _nodes.Select(_ => new ExtractionState())];
        _items = LineageItem.From(_source, _nodes);
        _record = new LineageRecord(trace, _source, _nodes.Length);
        _options = options;
        _cancellationToken = cancellationToken;
    }

    /// <summary>The values of the elements that come out at the end.</summary>
    /// <exception cref="ReserveExhaustedException">An element failed and nothing was left to take its place.</exception>
    public async Task<IReadOnlyList<object?>> RunAsync()
    {
        foreach (var node in _nodes)
        {
            node.Begin();
        }

        _record.Operator(_source, _items.Count, _items.Count);
        foreach (var node in _nodes.Where(node => node.Works || node.Asks))
        {
            await SettleAsync(node);
        }

        var items = await ReachingAsync(_nodes.Length);
        return [.. items.Select(item => item.ValueAt(_nodes.Length))];
    }

    private async Task SettleAsync(LineageNode node)
    {
        Exception? original = null;
        int? wanted = null;
        while (true)
        {
            _round++;
            var items = await ReachingAsync(node.Depth);
            wanted ??= items.Count;
            if (items.Count < wanted)
            {
                if (!await WidenAsync(node.Depth, items, wanted.Value - items.Count))
                {
                    throw _record.Exhausted(ExtractionsAbove(node.Depth).First(), original!);
                }

                continue;
            }

            var begun = node.Works ? Pending(node, items) : [];
            var failure = node.Asks ? await AskAsync(node, items) : await WorkAsync(node, begun);
            if (original is not null)
            {
                _record.Succeeded(node, begun.Where(item => !item.IsOut));
            }

            if (failure is null)
            {
                // From here on what took a place holds it: another failure further down must not turn it down again.
                ExtractionsAbove(node.Depth).ToList().ForEach(above => _extractions[above.Depth].Settle());
                return;
            }

            original ??= failure;
        }
    }

    /// <summary>
    /// The ordinary chain, over the elements that are not out, down to the operator at <paramref name="depth"/>. The operators on the way
    /// work on what is new to them; when that takes more elements out, the chain is looked at anew.
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
        _cancellationToken.ThrowIfCancellationRequested();
        IReadOnlyList<LineageItem> items = [.. _items.Where(item => !item.IsOut)];
        for (var d = 1; d < depth; d++)
        {
            var node = _nodes[d];
            if (node.Works && await WorkAsync(node, Pending(node, items)) is not null)
            {
                return null;
            }

            if (node.Asks && await AskAsync(node, items) is not null)
            {
                return null;
            }

            var arranged = node.Arrange(items, _extractions[d]);
            _record.Operator(node, items.Count, arranged.Count);
            if (node.IsExtraction && !await EnterAsync(node, items, arranged))
            {
                return null;
            }

            items = arranged;
        }

        return items;
    }

    /// <summary>Notes what comes out of an extraction; reads substitutes again. False: one of them is out.</summary>
    private async Task<bool> EnterAsync(LineageNode node, IReadOnlyList<LineageItem> items, IReadOnlyList<LineageItem> arranged)
    {
        var extraction = _extractions[node.Depth];
        extraction.In = items;
        extraction.Out = arranged;
        if (extraction.Picks is null)
        {
            extraction.Picks = [.. arranged];
            return true;
        }

        var substitutes = arranged.Where(item => !extraction.Picks.Contains(item) && extraction.Seen.Add(item)).ToList();
        _record.Substituted(node, substitutes);
        return !_source.CanRefresh || await ReadAgainAsync(node, [.. substitutes.Where(item => item.ReadInRound != _round)]);
    }

    /// <summary>Reads substitutes again and asks the filters above the extraction about them. False: one of them is out.</summary>
    private async Task<bool> ReadAgainAsync(LineageNode extraction, IReadOnlyList<LineageItem> items)
    {
        var failures = await LineagePump.RunAsync(items, _options.MaxConcurrency, ReadAsync, _ => false, _cancellationToken);
        for (var i = 0; i < items.Count; i++)
        {
            if (failures[i] is { } failure)
            {
                _record.Failed(extraction, items[i], failure);
                items[i].IsOut = true;
            }
            else if (items[i].TurnedDownBy is { } filter)
            {
                _record.TurnedDown(extraction, items[i], $"'{filter.Name}' no longer holds");
                items[i].IsOut = true;
            }
        }

        await UndoAsync([.. items.Where(item => item.IsOut)]);
        _cancellationToken.ThrowIfCancellationRequested();
        return items.All(item => !item.IsOut);

        async ValueTask ReadAsync(LineageItem item)
        {
            item.ReadInRound = _round;
            item.Source = await _source.RefreshAsync(item.Source, _cancellationToken);
            await item.CheckAgainAsync(extraction.Depth, _cancellationToken);
        }
    }

    /// <summary>Runs the operator's function on the items and takes out those that fail. Returns the first failure.</summary>
    private async Task<Exception?> WorkAsync(LineageNode node, IReadOnlyList<LineageItem> items)
    {
        if (items.Count == 0)
        {
            return null;
        }

        var failures = await LineagePump.RunAsync(
            items, _options.MaxConcurrency, item => item.WorkAsync(node, _cancellationToken), failure => !IsAnswered(node, failure), _cancellationToken);
        return await FailAsync(node, items.Count, items, failures, isCandidate: false);
    }

    /// <summary>Takes out the items that failed. Returns the first failure.</summary>
    private async Task<Exception?> FailAsync(
        LineageNode node, int count, IReadOnlyList<LineageItem> items, IReadOnlyList<Exception?> failures, bool isCandidate)
    {
        for (var i = 0; i < items.Count; i++)
        {
            if (failures[i] is { } failure)
            {
                _record.Operator(node, count, null);
                _record.Failed(node, items[i], failure);
                items[i].IsOut = true;
            }
        }

        await UndoAsync([.. items.Where(item => item.IsOut)]);
        _cancellationToken.ThrowIfCancellationRequested();
        if (failures.FirstOrDefault(failure => failure is not null && !isCandidate && !IsAnswered(node, failure)) is { } passing)
        {
            _record.NotAnswered(node, passing);
            ExceptionDispatchInfo.Throw(passing);
        }

        return failures.FirstOrDefault(failure => failure is not null);
    }

    /// <summary>Lets the operator ask about the items, and takes out one that fails. It remembers what came of it.</summary>
    private async Task<Exception?> AskAsync(LineageNode node, IReadOnlyList<LineageItem> items)
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
            return await FailAsync(node, items.Count, [e.Item], [e.InnerException], extraction.Picks is not null);
        }
    }

    private bool IsAnswered(LineageNode node, Exception failure) =>
        ExtractionsAbove(node.Depth).Any()
        && (FaultDomains.Of(failure) is FaultDomain.Unknown || _source.Answers.Contains(FaultDomains.Of(failure)));

    /// <summary>
    /// Lets more elements reach the operator at <paramref name="depth"/>: substitutes that were filtered out on the way are out, so that
    /// the next ones come; where no extraction has any such, the nearest one that holds elements back gives them up.
    /// False: nothing is left.
    /// </summary>
    private async Task<bool> WidenAsync(int depth, IReadOnlyList<LineageItem> reaching, int missing)
    {
        var below = reaching;
        foreach (var node in ExtractionsAbove(depth))
        {
            var extraction = _extractions[node.Depth];
            HashSet<LineageItem> passed = [.. below];
            var dropped = extraction.Out.Where(item => !extraction.Picks!.Contains(item) && !passed.Contains(item)).Take(missing).ToList();
            if (dropped.Count > 0)
            {
                foreach (var item in dropped)
                {
                    _record.TurnedDown(node, item, "filtered out below");
                    item.IsOut = true;
                }

                await UndoAsync(dropped);
                return true;
            }

            _record.NoCandidate(node);
            below = node.IsConditional ? below : extraction.In;
        }

        foreach (var node in ExtractionsAbove(depth))
        {
            var extraction = _extractions[node.Depth];
            var held = node.Held(extraction.In.Count, extraction.MayHold);
            if (held > 0)
            {
                extraction.MayHold = Math.Max(0, held - missing);
                return true;
            }
        }

        return false;
    }

    /// <summary>Undoes what this evaluation did to elements that are out, last deed first.</summary>
    private async Task UndoAsync(IReadOnlyList<LineageItem> items)
    {
        if (_options.KeepFailed)
        {
            return;
        }

        foreach (var node in _nodes.Reverse().Where(node => node.CanUndo))
        {
            var begun = items.Where(item => item.WasBegun(node.Depth)).ToList();
            var failures = await LineagePump.RunAsync(
                begun, _options.MaxConcurrency, item => node.UndoAsync(item.ValueAt(node.Depth)), _ => false, CancellationToken.None);
            for (var i = 0; i < begun.Count; i++)
            {
                _record.Undone(node, begun[i], failures[i]);
            }
        }
    }

    private static List<LineageItem> Pending(LineageNode node, IReadOnlyList<LineageItem> items) =>
        [.. items.Where(item => !item.IsDone(node.Depth))];

    /// <summary>Nearest first.</summary>
    private IEnumerable<LineageNode> ExtractionsAbove(int depth) => _nodes.Take(depth).Reverse().Where(node => node.IsExtraction);
}
