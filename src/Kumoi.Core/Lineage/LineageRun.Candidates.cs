using System.Collections.Concurrent;

namespace Kumoi.Lineage;

/// <summary>Who is replaced, and by whom.</summary>
internal sealed partial class LineageRun
{
    /// <summary>What a failure of the item is of, seen from the end of the chain.</summary>
    public LineageBlame Blame(LineageItem item, Exception failure, bool hasReserve) => Blame(End, item, failure, hasReserve);

    /// <inheritdoc cref="LineageOrigin.Candidates"/>
    public IReadOnlyList<LineageItem> Candidates(LineageItem item, HashSet<LineageItem> picks) => _origin.Candidates(item, picks);

    /// <inheritdoc cref="LineageOrigin.TurnDownDropped"/>
    public bool TurnDownDropped(IReadOnlyList<LineageItem> passed, int missing) => TurnDownDropped(End, passed, missing);

    /// <inheritdoc cref="LineageOrigin.GiveUpHeld"/>
    public bool GiveUpHeld(int missing) => GiveUpHeld(End, missing);

    /// <summary>The nearest extraction above one of the elements; null: none of them is of this chain, or there is none.</summary>
    public LineageNode? NearestExtraction(IReadOnlyList<LineageItem> elements) =>
        _origin.Known.Any(item => item.Elements.Any(elements.Contains))
            ? ExtractionsAbove(End).FirstOrDefault() ?? _origin.NearestExtraction(elements)
            : null;

    /// <summary>Reads items again and asks the filters of the chain about them. Those that no longer match are out.</summary>
    public Task ReadAgainAsync(LineageNode extraction, IReadOnlyList<LineageItem> items, HashSet<LineageItem> picks) =>
        ReadAgainAsync(extraction, End, items, picks);

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

        List<LineageItem> substitutes = [.. arranged.Where(item => !extraction.Picks.Contains(item) && extraction.Seen.Add(item))];
        _context.Record.Substituted(node, substitutes);
        if (substitutes.Count == 0)
        {
            return true;
        }

        // TakeWhile is a filter itself, so it is asked too.
        await ReadAgainAsync(node, node.Depth + 1, [.. substitutes.Where(item => item.Elements.Any(IsUnread))], extraction.Picks);
        _context.CancellationToken.ThrowIfCancellationRequested();
        if (substitutes.TrueForAll(item => !item.IsOut))
        {
            return true;
        }

        await UndoOutAsync(node, _context.Record.FirstFailure!);
        return false;
    }

    /// <summary>Reads items again and asks the filters above <paramref name="depth"/> about them.</summary>
    private async Task ReadAgainAsync(LineageNode extraction, int depth, IReadOnlyList<LineageItem> items, HashSet<LineageItem> picks)
    {
        if (!CanRefresh)
        {
            return;
        }

        _context.Changes++;

        // By element: of a pair, one that had a place at this extraction is not read, and may have had none at the next.
        LineageItem[][] unread = [.. items.Select(item => item.Elements.Where(IsUnread).ToArray())];
        await _origin.ReadAgainAsync(extraction, items, picks);
        List<LineageItem> read = [.. items.Where((item, i) => !item.IsOut && !Array.TrueForAll(unread[i], IsUnread))];
        ConcurrentDictionary<LineageItem, LineageNode> turnedDown = [];
        var failures = await _context.PumpAsync(read, async item =>
        {
            if (await item.CheckAgainAsync(depth, _context.CancellationToken) is { } filter)
            {
                turnedDown[item] = filter;
            }
        });
        for (var i = 0; i < failures.Length; i++)
        {
            if (failures[i] is { } failure)
            {
                var elements = Candidates(read[i], picks);
                _context.Record.Failed(extraction, LineageRecord.NameOf(read[i], elements), failure);
                elements.ToList().ForEach(element => element.TakeOut());
            }
            else if (turnedDown.TryGetValue(read[i], out var filter))
            {
                _context.Record.TurnDown(extraction, read[i], Candidates(read[i], picks), $"'{filter.Name}' no longer holds");
            }
        }
    }

    private bool IsUnread(LineageItem element) => element.ReadInRound != _context.Round;

    private LineageBlame Blame(int depth, LineageItem item, Exception failure, bool hasReserve) =>
        _origin.Blame(item, failure, hasReserve || ExtractionsAbove(depth).Any());

    /// <summary>
    /// Substitutes that were filtered out on the way to <paramref name="depth"/> are out, so that the next ones come. False: there is none.
    /// </summary>
    private bool TurnDownDropped(int depth, IReadOnlyList<LineageItem> reaching, int missing)
    {
        var below = reaching;
        foreach (var node in ExtractionsAbove(depth))
        {
            var extraction = _extractions[node.Depth];
            HashSet<LineageItem> passed = [.. below];
            List<LineageItem> dropped =
                [.. extraction.Out.Where(item => !extraction.Picks!.Contains(item) && !passed.Contains(item)).Take(missing)];
            foreach (var item in dropped)
            {
                _context.Record.TurnDown(node, item, Candidates(item, extraction.Picks!), "filtered out below");
            }

            if (dropped.Count > 0)
            {
                return true;
            }

            _context.Record.NoCandidate(node);
            below = node.IsConditional ? below : extraction.In;
        }

        return _origin.TurnDownDropped(below, missing);
    }

    /// <summary>
    /// Where no extraction has any other, the nearest one that holds elements back gives them up. False: nothing is left.
    /// </summary>
    private bool GiveUpHeld(int depth, int missing)
    {
        foreach (var node in ExtractionsAbove(depth))
        {
            var extraction = _extractions[node.Depth];
            var held = node.Held(extraction.In.Count, extraction.MayHold);
            if (held > 0)
            {
                extraction.MayHold = Math.Max(0, held - missing);
                _context.Changes++;
                return true;
            }
        }

        return _origin.GiveUpHeld(missing);
    }

    private LineageNode NearestExtraction(int depth, IReadOnlyList<LineageItem> elements) =>
        ExtractionsAbove(depth).FirstOrDefault() ?? _origin.NearestExtraction(elements) ?? _nodes[depth];
}
