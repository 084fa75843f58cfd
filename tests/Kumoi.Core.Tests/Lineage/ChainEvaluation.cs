using Kumoi.Lineage;

namespace Kumoi.Tests.Lineage;

/// <summary>A <see cref="ChainCase"/> run as a real <see cref="LineageList{T}"/>. Each Select adds 1000 to the value, so that values show the way they took.</summary>
internal sealed class ChainEvaluation(ChainCase chain)
{
    private const int Step = 1000;

    private readonly HashSet<(int Op, int Element)> _ran = [];
    private readonly HashSet<int> _readAgain = [];

    public IReadOnlyList<int>? Result { get; private set; }

    public bool Exhausted { get; private set; }

    public (int Op, int Element)? Passing { get; private set; }

    public HashSet<int> Out { get; } = [];

    /// <summary>On which elements which operator's function succeeded.</summary>
    public HashSet<(int Op, int Element)> Succeeded { get; } = [];

    public string? RunTwice { get; private set; }

    public int MostAtOnce { get; private set; }

    public LineageTrace? Trace { get; private set; }

    public void Run(int seed)
    {
        var scramble = new Scramble(seed);
        var options = new LineageOptions { MaxConcurrency = chain.Concurrency, Traced = trace => Trace = trace };
        try
        {
            var result = scramble.Run(() => Build(scramble).ForEachAsync(
                async (x, _) => await WorkAsync(scramble, chain.Action, x), options: options));
            if (result.Items.Any(x => x / Step != chain.Ops.Count(op => op.Op is Op.Select)))
            {
                throw new InvalidOperationException("A value skipped a Select.");
            }

            Result = [.. result.Items.Select(x => x % Step)];
        }
        catch (ReserveExhaustedException)
        {
            Exhausted = true;
        }
        catch (PlannedException e)
        {
            Passing = (e.Op, e.Element);
        }

        MostAtOnce = scramble.MostAtOnce;
        Out.UnionWith(Trace!.Steps
            .Where(step => step.Kind is LineageStepKind.Failure or LineageStepKind.Rejection)
            .Select(step => int.Parse(step.Element!, System.Globalization.CultureInfo.InvariantCulture) % Step));
    }

    private LineageList<int> Build(Scramble scramble)
    {
        var list = Enumerable.Range(0, chain.Count).AsLineage(
            refresh: (x, _) =>
            {
                _readAgain.Add(x);
                return ValueTask.FromResult(x);
            });
        for (var i = 0; i < chain.Ops.Count; i++)
        {
            var (kind, n) = chain.Ops[i];
            var op = i;
            list = kind switch
            {
                Op.Where => list.Where(async (x, _) =>
                {
                    await WorkAsync(scramble, op, x);
                    return chain.Passes(op, x % Step) && !(_readAgain.Contains(x % Step) && chain.Stale.Contains(x % Step));
                }),
                Op.Select => list.Select(async (x, _) =>
                {
                    await WorkAsync(scramble, op, x);
                    return x + Step;
                }),
                Op.OrderBy => list.OrderBy(x => Key(op, x)),
                Op.OrderByDescending => list.OrderByDescending(x => Key(op, x)),
                Op.Reverse => list.Reverse(),
                Op.Take => list.Take(n),
                Op.Skip => list.Skip(n),
                Op.TakeLast => list.TakeLast(n),
                _ => list.SkipLast(n),
            };
        }

        return list;
    }

    private async Task WorkAsync(Scramble scramble, int op, int x)
    {
        Note(op, x % Step);
        await scramble.TurnAsync();
        Throw(op, x % Step);
    }

    private int Key(int op, int x)
    {
        Note(op, x % Step);
        Throw(op, x % Step);
        return chain.Key(op, x % Step);
    }

    private void Note(int op, int element)
    {
        if (!_ran.Add((op, element)) && !_readAgain.Contains(element))
        {
            RunTwice = $"{op} on {element}";
        }
    }

    private void Throw(int op, int element)
    {
        if (chain.Fails(op, element))
        {
            throw new PlannedException(op, element);
        }

        Succeeded.Add((op, element));
    }
}
