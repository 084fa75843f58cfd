using System.Globalization;
using FsCheck;
using FsCheck.Fluent;

namespace Kumoi.Tests.Lineage;

internal enum Op
{
    Where = 0,
    Select,
    OrderBy,
    OrderByDescending,
    Reverse,
    Take,
    Skip,
    TakeLast,
    SkipLast,
}

/// <summary>A list of 0…Count-1, a chain of operators that ends in an action, and which elements fail, pass or are stale where.</summary>
internal sealed record ChainCase(
    int Count, IReadOnlyList<(Op Op, int N)> Ops, IReadOnlyList<(int Op, int Element)> Failing, IReadOnlyList<int> Stale, int Salt, int Concurrency)
{
    /// <summary>The action stands below all operators.</summary>
    public int Action => Ops.Count;

    public bool Works(int op) => op == Action || Ops[op].Op is Op.Where or Op.Select or Op.OrderBy or Op.OrderByDescending;

    public bool IsExtraction(int op) => op < Action && Ops[op].Op is Op.Take or Op.Skip or Op.TakeLast or Op.SkipLast;

    public bool Fails(int op, int element) => Failing.Contains((op, element));

    public bool Passes(int op, int element) => Mixed(op, element) % 4 != 0;

    public int Key(int op, int element) => Mixed(op, element) % 5;

    private int Mixed(int op, int element) => (int)(unchecked(((uint)((op * 31) + element + Salt) * 2654435761u) >> 11) & 0xffff);

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"0..{Count - 1} | {string.Join(" | ", Ops.Select((op, i) => op.N >= 0 ? $"{i}:{op.Op} {op.N}" : $"{i}:{op.Op}"))} | {Action}:foreach; failing (op, element) {string.Join(" ", Failing)}; stale {string.Join(" ", Stale)}; salt {Salt}; concurrency {Concurrency}");

    public static Arbitrary<ChainCase> Arbitrary()
    {
        var op =
            from kind in Gen.Elements(Enum.GetValues<Op>())
            from n in Gen.Frequency((1, Gen.Constant(0)), (9, Gen.Choose(1, 8)))
            select (kind, kind >= Op.Take ? n : -1);
        var generated =
            from count in Gen.Choose(0, 16)
            from depth in Gen.Choose(1, 6)
            from ops in Gen.ArrayOf(op, depth)
                // Most failures stand where a substitute can answer them; those without extraction above end the evaluation at once.
            let extraction = Math.Max(0, Array.FindIndex(ops, o => o.kind >= Op.Take))
            let place = Gen.Frequency((1, Gen.Choose(0, depth)), (30, Gen.Choose(extraction + 1, depth)))
            from failures in Gen.Choose(0, 8)
            from failing in Gen.ArrayOf(Gen.Zip(place, Gen.Choose(0, 16)), failures)
            from stales in Gen.Choose(0, 3)
            from stale in Gen.ArrayOf(Gen.Choose(0, 16), stales)
            from salt in Gen.Choose(0, 1000)
            from concurrency in Gen.Choose(1, 5)
            select new ChainCase(count, ops, [.. failing.Select(f => (f.Item1, f.Item2))], stale, salt, concurrency);
        return Arb.From(generated, Smaller);
    }

    private static IEnumerable<ChainCase> Smaller(ChainCase x)
    {
        if (x.Count > 0)
        {
            yield return x with { Count = x.Count - 1 };
        }

        for (var i = 0; i < x.Ops.Count; i++)
        {
            var at = i;
            yield return x with
            {
                Ops = [.. x.Ops.Where((_, j) => j != at)],
                Failing = [.. x.Failing.Where(f => f.Op != at).Select(f => f.Op > at ? (f.Op - 1, f.Element) : f)],
            };
        }

        for (var i = 0; i < x.Failing.Count; i++)
        {
            var at = i;
            yield return x with { Failing = [.. x.Failing.Where((_, j) => j != at)] };
        }

        for (var i = 0; i < x.Stale.Count; i++)
        {
            var at = i;
            yield return x with { Stale = [.. x.Stale.Where((_, j) => j != at)] };
        }

        if (x.Concurrency > 1)
        {
            yield return x with { Concurrency = 1 };
        }
    }
}
