namespace Kumoi.Tests.Lineage;

/// <summary>
/// The definition, without memory, order of work or concurrency: after every change of D all is computed again by plain LINQ over the
/// list without D. Exponentially simple-minded on purpose.
/// </summary>
internal sealed class ChainOracle(ChainCase chain)
{
    private readonly List<int> _out = [];
    private readonly HashSet<int> _readAgain = [];
    private readonly int[] _given = new int[chain.Ops.Count];
    private readonly HashSet<int>?[] _settled = new HashSet<int>?[chain.Ops.Count];

    /// <summary>The elements that come out; null: exhausted, or a failure without extraction above.</summary>
    public List<int>? Result { get; private set; }

    public bool Exhausted { get; private set; }

    /// <summary>The failure that passes, if one does.</summary>
    public (int Op, int Element)? Passing { get; private set; }

    public HashSet<int> Out => [.. _out];

    /// <summary>What enters the operator in the end.</summary>
    public HashSet<int> Reaching(int op) => [.. Rows(op)[op]];

    public void Solve()
    {
        for (var op = 0; op <= chain.Action; op++)
        {
            if (chain.Works(op) && !Settle(op))
            {
                return;
            }
        }

        Result = Rows(chain.Action)[chain.Action];
    }

    /// <summary>Plain LINQ: what enters each operator down to <paramref name="last"/>.</summary>
    private List<List<int>> Rows(int last)
    {
        var rows = new List<List<int>> { Enumerable.Range(0, chain.Count).Except(_out).ToList() };
        for (var op = 0; op < last; op++)
        {
            var items = rows[op];
            var (kind, n) = chain.Ops[op];
            var at = op;
            rows.Add((kind switch
            {
                Op.Where => items.Where(x => chain.Passes(at, x) && !(_readAgain.Contains(x) && chain.Stale.Contains(x))),
                Op.OrderBy => items.OrderBy(x => chain.Key(at, x)),
                Op.OrderByDescending => items.OrderByDescending(x => chain.Key(at, x)),
                Op.Reverse => Enumerable.Reverse(items),
                Op.Take => items.Take(n),
                Op.TakeLast => items.TakeLast(n),
                Op.Skip => items.Skip(n - _given[at]),
                Op.SkipLast => items.SkipLast(n - _given[at]),
                _ => items,
            }).ToList());
        }

        return rows;
    }

    private bool Settle(int op)
    {
        int? wanted = null;
        while (true)
        {
            var rows = Rows(op);
            foreach (var above in Enumerable.Range(0, op).Where(chain.IsExtraction))
            {
                _settled[above] ??= [.. rows[above + 1]];
            }

            if (Change(rows, op - 1))
            {
                continue;
            }

            wanted ??= rows[op].Count;
            if (rows[op].Count < wanted)
            {
                if (!Widen(rows, op))
                {
                    Exhausted = true;
                    return false;
                }

                continue;
            }

            if (!Fail(rows[op], op))
            {
                if (Passing is not null)
                {
                    return false;
                }

                foreach (var above in Enumerable.Range(0, op).Where(chain.IsExtraction))
                {
                    _settled[above]!.UnionWith(rows[above + 1]);
                }

                return true;
            }

            if (Passing is not null)
            {
                return false;
            }
        }
    }

    /// <summary>From the top: the first operator at which something fails, or a substitute turns out to be stale.</summary>
    private bool Change(List<List<int>> rows, int last)
    {
        for (var op = 0; op <= last; op++)
        {
            if (chain.Works(op) && Fail(rows[op], op))
            {
                return true;
            }

            if (!chain.IsExtraction(op))
            {
                continue;
            }

            var read = rows[op + 1].Where(x => !_settled[op]!.Contains(x) && _readAgain.Add(x)).Where(chain.Stale.Contains).ToList();
            if (read.Count > 0)
            {
                _out.AddRange(Enumerable.Range(0, op).Any(above => chain.Ops[above].Op is Op.Where) ? read : []);
                return true;
            }
        }

        return false;
    }

    private bool Fail(List<int> items, int op)
    {
        var failing = items.Where(x => chain.Fails(op, x)).ToList();
        if (failing.Count > 0 && !Enumerable.Range(0, op).Any(chain.IsExtraction))
        {
            Passing = (op, failing[0]);
        }

        _out.AddRange(failing);
        return failing.Count > 0;
    }

    private bool Widen(List<List<int>> rows, int op)
    {
        var extractions = Enumerable.Range(0, op).Where(chain.IsExtraction).Reverse().ToList();
        var below = op;
        foreach (var extraction in extractions)
        {
            var useless = rows[extraction + 1].Where(x => !_settled[extraction]!.Contains(x)).Except(rows[below]).ToList();
            if (useless.Count > 0)
            {
                _out.Add(useless[0]);
                return true;
            }

            below = extraction;
        }

        foreach (var extraction in extractions)
        {
            var (kind, n) = chain.Ops[extraction];
            if (kind is Op.Skip or Op.SkipLast && rows[extraction].Count > rows[extraction + 1].Count)
            {
                // Until one element more comes through.
                do
                {
                    _given[extraction]++;
                }
                while (rows[extraction].Count <= n - _given[extraction]);
                return true;
            }
        }

        return false;
    }
}
