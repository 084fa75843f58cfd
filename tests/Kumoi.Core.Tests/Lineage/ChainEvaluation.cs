using System.Globalization;
using System.Text.RegularExpressions;
using Kumoi.Lineage;

namespace Kumoi.Tests.Lineage;

/// <summary>A <see cref="ChainCase"/> run as a real <see cref="LineageList{T}"/>.</summary>
internal sealed partial class ChainEvaluation(ChainCase given)
{
    private readonly HashSet<(int Op, string Element)> _ran = [];
    private readonly HashSet<int> _readAgain = [];
    private readonly HashSet<(int Op, ChainElement Element)> _deeds = [];
    private readonly List<ChainElement> _undone = [];
    private Scramble? _scramble;

    /// <summary>Each element with the way it took.</summary>
    public IReadOnlyList<string>? Result { get; private set; }

    public bool Exhausted { get; private set; }

    public (int Op, string Element)? Passing { get; private set; }

    public HashSet<int> Out { get; } = [];

    /// <summary>On which elements which operator's function succeeded.</summary>
    public HashSet<(int Op, ChainElement Element)> Succeeded { get; } = [];

    public string? RunTwice { get; private set; }

    /// <summary>Of what was done and undone, what should not have been undone, or still should be.</summary>
    public string? WronglyUndone { get; private set; }

    public int MostAtOnce => _scramble!.MostAtOnce;

    public LineageTrace? Trace { get; private set; }

    public void Run(int seed)
    {
        _scramble = new Scramble(seed);
        var options = new LineageOptions { MaxConcurrency = given.Concurrency, Traced = trace => Trace = trace };
        try
        {
            var list = Build(given.Chain);
            var result = _scramble.Run(() => IsSynchronous(ChainCase.Action)
                ? list.ForEachAsync(x => { Do(ChainCase.Action, x); }, options)
                : list.ForEachAsync(
                    async (x, _) => await ActAsync(ChainCase.Action, x), async (x, _) => await UndoAsync(ChainCase.Action, x), options));
            Result = [.. result.Items.Select(x => x.Key + x.Path)];
        }
        catch (ReserveExhaustedException)
        {
            Exhausted = true;
        }
        catch (PairFailureException e)
        {
            Exception inner = e;
            while (inner is PairFailureException)
            {
                inner = inner.InnerException!;
            }

            Pass((PlannedException)inner);
        }
        catch (PlannedException e)
        {
            Pass(e);
        }

        var gone = Trace!.Steps.Where(step => step.Kind is LineageStepKind.Failure or LineageStepKind.Rejection);
        Out.UnionWith(
            gone.SelectMany(step => Number().Matches(step.Element!)).Select(match => int.Parse(match.Value, CultureInfo.InvariantCulture)));
        WronglyUndone ??= _undone.Find(x => !x.Numbers.Any(Out.Contains)) is { } kept ? $"{kept}, which is not out"
            : _deeds.FirstOrDefault(deed => deed.Element.Numbers.Any(Out.Contains)) is { Element: not null } left ? $"not {left}, which is out"
            : null;
    }

    private void Pass(PlannedException e) => Passing = (e.Op, e.Element);

    private LineageList<ChainElement> Build(Chain chain)
    {
        LineageList<ChainElement> list;
        if (chain.Left is null)
        {
            list = Enumerable.Range(0, chain.Count).Select(i => ChainElement.Of(chain.First + i, (ulong)i)).AsLineage(
                refresh: !given.CanReadAgain(chain) ? null : (x, _) =>
                {
                    _readAgain.Add(x.Numbers[0]);
                    return given.Unreadable.Contains(x.Numbers[0])
                        ? throw new PlannedException(ChainCase.Reading, x.Key) : ValueTask.FromResult(x);
                });
        }
        else if (chain.IsZip)
        {
            list = Build(chain.Left).Zip(Build(chain.Right!)).Select(pair => ChainElement.Pair(pair.Left, pair.Right));
        }
        else
        {
            list = Build(chain.Left).Concat(Build(chain.Right!));
        }

        return chain.Links.Aggregate(list, Add);
    }

    private LineageList<ChainElement> Add(LineageList<ChainElement> list, ChainLink link)
    {
        var (id, op, n) = link;
        return op switch
        {
            Op.Where when IsSynchronous(id) => list.Where(x => Passes(id, x)),
            Op.Where => list.Where(async (x, _) =>
            {
                await WorkAsync(id, x);
                return given.Passes(id, x, _readAgain);
            }),
            Op.Select when IsSynchronous(id) => list.Select(x => Do(id, x) ? x.Through(id) : x),
            Op.Select => list.Select(
                async (x, _) =>
                {
                    await ActAsync(id, x);
                    return x.Through(id);
                },
                async (x, _) => await UndoAsync(id, x)),
            Op.OrderByDescending => list.OrderByDescending(x => Key(id, x)),
            Op.ThenBy when list is OrderedLineageList<ChainElement> ordered => ordered.ThenBy(x => Key(id, x)),
            Op.OrderBy or Op.ThenBy => list.OrderBy(x => Key(id, x)),
            Op.Reverse => list.Reverse(),
            Op.Matching => list.Partition(x => Passes(id, x)).Matching,
            Op.Others => list.Partition(x => Passes(id, x)).Others,
            Op.RightOf => list.SplitAt(n).Others,
            Op.TakeWhile => list.TakeWhile(x => Passes(id, x)),
            Op.SkipWhile => list.SkipWhile(x => Do(id, x) && given.Skips(id, x)),
            Op.AccumulateWhile => list.AccumulateWhile((taken, x) =>
            {
                Throw(id, x);
                return given.Accumulates(link, taken, x);
            }),
            Op.Take => list.Take(n),
            Op.Skip => list.Skip(n),
            Op.TakeLast => list.TakeLast(n),
            Op.SkipLast => list.SkipLast(n),
            Op.TakeRandom => list.TakeRandom(n, id),
            Op.TakeByScore => list.TakeByScore(n, x => Key(id, x)),
            _ => list.SplitAt(n).First,
        };
    }

    /// <summary>The list has two ways to run a function; a chain has both kinds.</summary>
    private bool IsSynchronous(int op) => (given.Salt + op) % 3 == 0;

    private Task ActAsync(int op, ChainElement x)
    {
        _deeds.Add((op, x));
        return WorkAsync(op, x);
    }

    private async Task UndoAsync(int op, ChainElement x)
    {
        await _scramble!.TurnAsync();
        if (!_deeds.Remove((op, x)))
        {
            WronglyUndone = $"{op} on {x}, where nothing was done";
        }

        _undone.Add(x);
    }

    private async Task WorkAsync(int op, ChainElement x)
    {
        Note(op, x);
        await _scramble!.TurnAsync();
        Throw(op, x);
    }

    private bool Do(int op, ChainElement x)
    {
        Note(op, x);
        Throw(op, x);
        return true;
    }

    private bool Passes(int op, ChainElement x) => Do(op, x) && given.Passes(op, x, _readAgain);

    private int Key(int op, ChainElement x) => Do(op, x) ? given.Key(op, x) : 0;

    private void Note(int op, ChainElement x)
    {
        if (!_ran.Add((op, x.Key)) && !x.Numbers.Any(_readAgain.Contains))
        {
            RunTwice = $"{op} on {x}";
        }
    }

    private void Throw(int op, ChainElement x)
    {
        if (given.Fails(op, x))
        {
            throw Named(op, x) ?? new PlannedException(op, x.Key);
        }

        Succeeded.Add((op, x));
    }

    /// <summary>The failure of the first element of a pair that fails, if failures are to name it.</summary>
    private Exception? Named(int op, ChainElement x)
    {
        if (!given.Names || x.Left is null)
        {
            return null;
        }

        var side = given.Fails(op, x.Left) ? PairSide.Left : PairSide.Right;
        var part = side is PairSide.Left ? x.Left : x.Right!;
        return new PairFailureException(side, Named(op, part) ?? new PlannedException(op, part.Key));
    }

    [GeneratedRegex("[0-9]+", RegexOptions.NonBacktracking)]
    private static partial Regex Number();
}
