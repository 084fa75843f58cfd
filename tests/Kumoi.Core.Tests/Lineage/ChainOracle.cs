using Kumoi.Lineage;

namespace Kumoi.Tests.Lineage;

/// <summary>
/// The definition, without outcomes, order of work or concurrency: after every change of D all is computed again by plain LINQ over the
/// lists without D. All it keeps is what the definition keeps: which elements had a place, and which were a pair.
/// </summary>
internal sealed partial class ChainOracle(ChainCase given)
{
    private readonly HashSet<int> _out = [];
    private readonly HashSet<int> _readAgain = [];
    private readonly Dictionary<int, ChainMemory> _memories = [];
    private readonly Dictionary<Chain, JoinMemory> _joins = new(ReferenceEqualityComparer.Instance);

    /// <summary>The elements that come out, with the way they took; null: exhausted, or a failure that nothing answers.</summary>
    public List<string>? Result { get; private set; }

    public bool Exhausted { get; private set; }

    /// <summary>The failure that passes, if one does.</summary>
    public (int Op, string Element)? Passing { get; private set; }

    public HashSet<int> Out => _out;

    /// <summary>What enters the operator in the end.</summary>
    public HashSet<ChainElement> Reaching(int op) => [.. Memory(op).In];

    public void Solve()
    {
        if (SettleChain(given.Chain) && Settle(given.Chain, given.Chain.Links.Count, new ChainLink(ChainCase.Action, Op.Select, 0)))
        {
            Result = [.. Memory(ChainCase.Action).In.Select(x => x.Key + x.Path)];
        }
    }

    private ChainMemory Memory(int op) => _memories.TryGetValue(op, out var found) ? found : _memories[op] = new ChainMemory();

    private JoinMemory Join(Chain chain) => _joins.TryGetValue(chain, out var found) ? found : _joins[chain] = new JoinMemory();

    private bool SettleChain(Chain chain)
    {
        if (chain.Left is not null && (!SettleChain(chain.Left) || !SettleChain(chain.Right!)))
        {
            return false;
        }

        // The join is looked at before anything below it works.
        while (Look(chain, 0) is null)
        {
            if (Passing is not null)
            {
                return false;
            }
        }

        return Enumerable.Range(0, chain.Links.Count)
            .Where(i => chain.Links[i].Works || chain.Links[i].Op is Op.AccumulateWhile)
            .All(i => Settle(chain, i, chain.Links[i]));
    }

    private bool Settle(Chain chain, int at, ChainLink link)
    {
        int? wanted = null;
        while (Passing is null)
        {
            if (Look(chain, at) is not { } items)
            {
                continue;
            }

            Memory(link.Id).In = items;
            wanted ??= items.Count;
            if (items.Count < wanted)
            {
                if (!TurnDownDropped(chain, at, items, wanted.Value - items.Count) && !GiveUp(chain, at, wanted.Value - items.Count))
                {
                    Exhausted = true;
                    return false;
                }

                continue;
            }

            if (!(link.Op is Op.AccumulateWhile ? Accumulate(chain, at, items) is null : Fail(chain, at, link.Id, items)))
            {
                Hold(chain, at);
                return true;
            }
        }

        return false;
    }

    private void Hold(Chain chain, int at)
    {
        foreach (var link in chain.Links.Take(at).Where(link => link.IsExtraction))
        {
            Memory(link.Id).Settled!.UnionWith(Memory(link.Id).Out);
        }

        if (chain.Left is not null)
        {
            Hold(chain.Left, chain.Left.Links.Count);
            Hold(chain.Right!, chain.Right!.Links.Count);
            Join(chain).Settled?.UnionWith(Join(chain).Out);
        }
    }

    /// <summary>
    /// From the top: what enters the operator. Null: something failed on the way, or a substitute turned out to be stale.
    /// </summary>
    private List<ChainElement>? Look(Chain chain, int at)
    {
        if (Source(chain) is not { } items)
        {
            return null;
        }

        for (var i = 0; i < at; i++)
        {
            var link = chain.Links[i];
            var memory = Memory(link.Id);
            memory.In = items;
            if (link.Works && Fail(chain, i, link.Id, items))
            {
                return null;
            }

            if (Arrange(chain, i, items) is not { } arranged || (link.IsExtraction && !Enter(chain, i, arranged)))
            {
                return null;
            }

            items = arranged;
        }

        return items;
    }

    private List<ChainElement>? Source(Chain chain)
    {
        if (chain.Left is null)
        {
            return [.. Enumerable.Range(0, chain.Count).Select(i => ChainElement.Of(chain.First + i, (ulong)i)).Where(x => !IsOut(x))];
        }

        if (Look(chain.Left, chain.Left.Links.Count) is not { } lefts || Look(chain.Right!, chain.Right!.Links.Count) is not { } rights)
        {
            return null;
        }

        var join = Join(chain);
        (join.Lefts, join.Rights) = (lefts, rights);
        join.Wanted ??= (lefts.Count, rights.Count);
        if (!chain.IsZip)
        {
            return [.. lefts.Select(x => x with { Position = unchecked(x.Position * 2) }), .. rights.Select(
                x => x with { Position = unchecked((x.Position * 2) + 1) })];
        }

        join.Pairs.RemoveAll(IsOut);
        var freeLefts = lefts.Where(x => !join.Pairs.Exists(pair => pair.Left == x)).ToList();
        var freeRights = rights.Where(x => !join.Pairs.Exists(pair => pair.Right == x)).ToList();
        join.Pairs.AddRange(freeLefts.Zip(freeRights, ChainElement.Pair));
        join.Out = lefts.SelectMany(x => join.Pairs.FindAll(pair => pair.Left == x && rights.Contains(pair.Right!))).ToList();
        join.Settled ??= [.. join.Out];
        return join.Out;
    }

    private List<ChainElement>? Arrange(Chain chain, int at, List<ChainElement> items)
    {
        var (id, op, n) = chain.Links[at];
        var memory = Memory(id);
        return op switch
        {
            Op.Where or Op.Matching => items.FindAll(x => given.Passes(id, x, _readAgain)),
            Op.Others => items.FindAll(x => !given.Passes(id, x, _readAgain)),
            Op.Select => items.ConvertAll(x => x.Through(id)),
            Op.OrderBy or Op.OrderByDescending or Op.ThenBy => Sorted(chain, at, items),
            Op.Reverse => [.. Enumerable.Reverse(items)],
            Op.Take or Op.LeftOf => Chosen(id, n, items, items),
            Op.RightOf => RightOf(id, n, items),
            Op.TakeLast => Chosen(id, n, items, Enumerable.Reverse(items)),
            Op.Skip => [.. items.Skip(n - memory.Given)],
            Op.SkipLast => [.. items.SkipLast(n - memory.Given)],
            Op.TakeRandom => Chosen(id, n, items, items.OrderBy(x => TakeRandomNode.Draw(id, x.Position))),
            Op.TakeByScore => Chosen(id, n, items, items.OrderByDescending(x => given.Key(id, x))),
            Op.TakeWhile => TakenWhile(id, items),
            Op.SkipWhile => SkippedWhile(id, items),
            _ => Accumulate(chain, at, items),
        };
    }

    private List<ChainElement> Sorted(Chain chain, int at, List<ChainElement> items)
    {
        var from = at;
        while (chain.Links[from].Op is Op.ThenBy && from > 0 && chain.Links[from - 1].IsSort)
        {
            from--;
        }

        var first = chain.Links[from];
        var sorted = first.Op is Op.OrderByDescending
            ? items.OrderByDescending(x => given.Key(first.Id, x)) : items.OrderBy(x => given.Key(first.Id, x));
        return
        [
            .. chain.Links.Skip(from + 1).Take(at - from).Aggregate(sorted, (before, link) => before.ThenBy(x => given.Key(link.Id, x)))
        ];
    }

    private bool IsOut(ChainElement x) => x.Numbers.Any(_out.Contains);
}
