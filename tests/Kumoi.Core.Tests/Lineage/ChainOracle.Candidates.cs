namespace Kumoi.Tests.Lineage;

/// <summary>Who fails, and who may take the place.</summary>
internal sealed partial class ChainOracle
{
    /// <summary>What was taken before stays.</summary>
    private List<ChainElement> Chosen(int id, int count, List<ChainElement> items, IEnumerable<ChainElement> preferred)
    {
        var stay = items.Intersect(Memory(id).CameOut).ToList();
        return items.FindAll(stay.Concat(preferred.Except(stay)).Take(count).Contains);
    }

    private List<ChainElement> RightOf(int id, int count, List<ChainElement> items)
    {
        var right = items.Where((x, i) => i >= count || Memory(id).CameOut.Contains(x)).ToList();
        Memory(id).CameOut.UnionWith(right);
        return right;
    }

    private List<ChainElement> TakenWhile(int id, List<ChainElement> items)
    {
        List<ChainElement> taken = [];
        var stopped = false;
        foreach (var x in items)
        {
            if (Memory(id).CameOut.Contains(x))
            {
                taken.Add(x);
                continue;
            }

            stopped |= !given.Passes(id, x, _readAgain);
            if (!stopped)
            {
                taken.Add(x);
            }
        }

        return taken;
    }

    private List<ChainElement> SkippedWhile(int id, List<ChainElement> items)
    {
        var (skipped, cameOut) = (Memory(id).Skipped, Memory(id).CameOut);
        var kept = items.Except(skipped).SkipWhile(x => given.Skips(id, x) && !cameOut.Contains(x)).ToList();
        skipped.UnionWith(items.Except(kept));
        return kept;
    }

    /// <summary>Null: an element failed.</summary>
    private List<ChainElement>? Accumulate(Chain chain, int at, List<ChainElement> items)
    {
        var link = chain.Links[at];
        var memory = Memory(link.Id);
        HashSet<ChainElement> taken = [.. items.Where(memory.CameOut.Contains)];
        foreach (var x in items.Where(x => !memory.CameOut.Contains(x)))
        {
            if (given.Fails(link.Id, x))
            {
                Fail(chain, at, link.Id, [x], memory.Settled is not null);
                return null;
            }

            if (!given.Accumulates(link, items.FindAll(taken.Contains), x))
            {
                break;
            }

            taken.Add(x);
        }

        return items.FindAll(taken.Contains);
    }

    /// <summary>Reads what is new below an extraction. False: something is out.</summary>
    private bool Enter(Chain chain, int at, List<ChainElement> arranged)
    {
        var memory = Memory(chain.Links[at].Id);
        memory.Out = arranged;
        if (memory.Settled is null)
        {
            memory.Settled = [.. arranged];
            memory.CameOut.UnionWith(arranged);
            return true;
        }

        var came = arranged.FindAll(x => !memory.Settled.Contains(x) && memory.CameOut.Add(x));
        ReadAgain(chain, at + 1, came, memory.Settled);
        return !came.Exists(IsOut);
    }

    private void ReadAgain(Chain chain, int at, List<ChainElement> items, HashSet<ChainElement> held)
    {
        if (chain.Left is null)
        {
            List<int> read = given.CanReadAgain(chain) ? [.. items.SelectMany(x => x.Numbers)] : [];
            _readAgain.UnionWith(read);
            _out.UnionWith(read.Where(given.Unreadable.Contains));
        }
        else
        {
            HashSet<ChainElement> heldParts = [.. held.SelectMany(x => Parts(chain, x))];
            var parts = items.SelectMany(x => Parts(chain, x)).Where(x => !heldParts.Contains(x)).ToList();
            ReadAgain(chain.Left, chain.Left.Links.Count, Of(chain.Left, parts), [.. Of(chain.Left, heldParts)]);
            ReadAgain(chain.Right!, chain.Right!.Links.Count, Of(chain.Right, parts), [.. Of(chain.Right, heldParts)]);
        }

        foreach (var x in items.Where(x => !IsOut(x)).ToList())
        {
            if (chain.Links.Take(at).Any(link => link.IsFilter && given.Passes(link.Id, x, _readAgain) == link.Op is Op.Others))
            {
                _out.UnionWith(Candidates(chain, x, held));
            }
        }
    }

    /// <summary>The numbers that are out when a candidate is turned down: those that had no place.</summary>
    private IEnumerable<int> Candidates(Chain chain, ChainElement x, HashSet<ChainElement> held)
    {
        if (chain.Left is null)
        {
            return x.Numbers;
        }

        HashSet<ChainElement> heldParts = [.. held.SelectMany(one => Parts(chain, one))];
        var parts = Parts(chain, x).Where(part => !heldParts.Contains(part)).DefaultIfEmpty(Parts(chain, x)[0]);
        return parts.ToList().SelectMany(part => SideOf(chain, part) is var side ? Candidates(side, part, [.. Of(side, heldParts)]) : []);
    }

    private static Chain SideOf(Chain chain, ChainElement part) => chain.Left!.Has(part.Numbers[0]) ? chain.Left : chain.Right!;

    private static List<ChainElement> Of(Chain side, IEnumerable<ChainElement> parts) =>
        [.. parts.Where(part => side.Has(part.Numbers[0]))];

    private static ChainElement[] Parts(Chain chain, ChainElement x) => chain.IsZip ? [x.Left!, x.Right!] : [x];

    private bool Fail(Chain chain, int at, int op, List<ChainElement> items, bool isCandidate = false)
    {
        var failing = items.FindAll(x => given.Fails(op, x));
        foreach (var x in failing)
        {
            var (numbers, answered) = Blame(chain, at, op, x, isCandidate);
            _out.UnionWith(numbers);
            if (!answered)
            {
                Passing ??= (op, Named(op, x));
            }
        }

        return failing.Count > 0;
    }

    private string Named(int op, ChainElement x) =>
        given.Names && x.Left is not null ? Named(op, given.Fails(op, x.Left) ? x.Left : x.Right!) : x.Key;

    private (IEnumerable<int> Numbers, bool Answered) Blame(Chain chain, int at, int op, ChainElement x, bool reserve)
    {
        reserve |= chain.Links.Take(at).Any(link => link.IsExtraction);
        if (chain.Left is null)
        {
            return (x.Numbers, reserve);
        }

        if (!chain.IsZip)
        {
            return Side(SideOf(chain, x), x);
        }

        if (given.Names)
        {
            return given.Fails(op, x.Left!) ? Side(chain.Left, x.Left!) : Side(chain.Right!, x.Right!);
        }

        var (left, right) = (Side(chain.Left, x.Left!), Side(chain.Right!, x.Right!));
        return (left.Numbers.Concat(right.Numbers), left.Answered && right.Answered);

        (IEnumerable<int> Numbers, bool Answered) Side(Chain side, ChainElement part) => Blame(side, side.Links.Count, op, part, reserve);
    }

    private bool TurnDownDropped(Chain chain, int at, List<ChainElement> passed, int missing)
    {
        foreach (var link in chain.Links.Take(at).Reverse().Where(link => link.IsExtraction))
        {
            var memory = Memory(link.Id);
            var useless = memory.Out.Except(memory.Settled!).Except(passed).Take(missing).ToList();
            if (useless.Count > 0)
            {
                useless.ForEach(x => _out.UnionWith(Candidates(chain, x, memory.Settled!)));
                return true;
            }

            passed = link.IsConditional ? passed : memory.In;
        }

        if (chain.Left is null)
        {
            return false;
        }

        var join = Join(chain);
        if (!chain.IsZip)
        {
            return TurnDown(chain.Left, Of(chain.Left, passed), missing)
                || TurnDown(chain.Right!, Of(chain.Right!, passed), missing);
        }

        var pairs = join.Out.Except(join.Settled!).Except(passed).Take(missing).ToList();
        pairs.ForEach(x => _out.UnionWith(Candidates(chain, x, join.Settled!)));
        var wanted = join.Out.Count + missing;
        return pairs.Count > 0
            || (join.Lefts.Count < wanted && TurnDown(chain.Left, join.Lefts, wanted - join.Lefts.Count))
            || (join.Rights.Count < wanted && TurnDown(chain.Right!, join.Rights, wanted - join.Rights.Count));

        bool TurnDown(Chain side, List<ChainElement> items, int count) => TurnDownDropped(side, side.Links.Count, items, count);
    }

    private bool GiveUp(Chain chain, int at, int missing)
    {
        foreach (var link in chain.Links.Take(at).Reverse().Where(link => link.Op is Op.Skip or Op.SkipLast))
        {
            var memory = Memory(link.Id);
            var held = Math.Min(link.N - memory.Given, memory.In.Count);
            if (held > 0)
            {
                memory.Given = link.N - Math.Max(0, held - missing);
                return true;
            }
        }

        if (chain.Left is null)
        {
            return false;
        }

        var join = Join(chain);
        var (wantedLeft, wantedRight) = chain.IsZip ? (join.Out.Count + missing, join.Out.Count + missing) : join.Wanted!.Value;
        var (left, right) = (Math.Min(missing, wantedLeft - join.Lefts.Count), Math.Min(missing, wantedRight - join.Rights.Count));
        return (left > 0 && GiveUp(chain.Left, chain.Left.Links.Count, left))
            || (right > 0 && GiveUp(chain.Right!, chain.Right!.Links.Count, right));
    }
}
