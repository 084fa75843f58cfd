using System.Globalization;

namespace Kumoi.Tests.Lineage;

/// <summary>A chain that ends in an action, and which elements fail, pass, are stale or cannot be read again.</summary>
internal sealed record ChainCase(
    Chain Chain, IReadOnlyList<(int Op, int Number)> Failing, IReadOnlyList<int> Stale, IReadOnlyList<int> Unreadable, bool Names, int Salt,
    int Concurrency)
{
    /// <summary>The action stands below all operators.</summary>
    public const int Action = -1;

    /// <summary>Reading a candidate again.</summary>
    public const int Reading = -2;

    public bool Fails(int op, int number) => Failing.Contains((op, number));

    public bool Fails(int op, ChainElement element) => element.Numbers.Any(number => Fails(op, number));

    /// <summary>Of a filter: stale elements do not pass when they have been read again.</summary>
    public bool Passes(int op, ChainElement element, HashSet<int> readAgain) =>
        Mixed(op, element) % 4 != 0 && !element.Numbers.Any(number => Stale.Contains(number) && readAgain.Contains(number));

    /// <summary>Whether elements of a source can be read again at all.</summary>
    public bool CanReadAgain(Chain source) => ((source.First / 100) + Salt) % 5 != 0;

    public bool Skips(int op, ChainElement element) => Mixed(op, element) % 4 != 0;

    /// <summary>Even operators take by weight; odd ones in a way that makes no sense, so that it depends on all that is taken.</summary>
    public bool Accumulates(ChainLink link, IReadOnlyList<ChainElement> taken, ChainElement element) => link.Id % 2 == 0
        ? taken.Sum(one => Key(link.Id, one)) + Key(link.Id, element) <= link.N * 2
        : Mixed(link.Id + taken.Sum(one => one.Numbers[0]), element) % 6 != 0;

    public int Key(int op, ChainElement element) => Mixed(op, element) % 5;

    private int Mixed(int op, ChainElement element)
    {
        var mixed = (uint)((op * 31) + Salt);
        foreach (var number in element.Numbers)
        {
            mixed = unchecked((mixed + (uint)number) * 2654435761u);
        }

        return (int)((mixed >> 11) & 0xffff);
    }

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Chain} | {Action}:foreach; failing (op, number) {string.Join(" ", Failing)}; stale {string.Join(" ", Stale)}; unreadable "
            + $"{string.Join(" ", Unreadable)}; names {Names}; salt {Salt}; concurrency {Concurrency}");

    public static ChainCase Draw(int seed)
    {
        var random = new Random(seed);
        var id = 0;
        var chain = DrawChain(random, joins: random.Next(3) switch { 0 => 0, 1 => 1, _ => random.Next(3) }, ref id, first: 0);
        var chains = chain.All.ToList();
        List<(int, int)> failing = [];
        for (var i = random.Next(9); i > 0; i--)
        {
            var number = DrawNumber(random, chains);
            // Most failures stand where a substitute can answer them; those without extraction above end the evaluation at once.
            List<int> ops =
                [Action, Action, .. chains.Where(one => one.Has(number)).SelectMany(one => Answered(one, random.Next(30) == 0))];
            failing.Add((ops[random.Next(ops.Count)], number));
        }

        List<int> stale = [.. Enumerable.Range(0, random.Next(4)).Select(_ => DrawNumber(random, chains))];
        List<int> unreadable = [.. Enumerable.Range(0, random.Next(3)).Select(_ => DrawNumber(random, chains))];
        return new ChainCase(chain, failing, stale, unreadable, random.Next(3) > 0, random.Next(1000), random.Next(1, 6));
    }

    public IEnumerable<ChainCase> Smaller() =>
    [
        .. Chain.Smaller().Select(chain => this with { Chain = chain }),
        .. Failing.Select((_, at) => this with { Failing = [.. Failing.Where((_, i) => i != at)] }),
        .. Stale.Select((_, at) => this with { Stale = [.. Stale.Where((_, i) => i != at)] }),
        .. Unreadable.Select((_, at) => this with { Unreadable = [.. Unreadable.Where((_, i) => i != at)] }),
        .. Concurrency > 1 ? [this with { Concurrency = 1 }] : Array.Empty<ChainCase>(),
    ];

    private static IEnumerable<int> Answered(Chain chain, bool anywhere)
    {
        var first = anywhere || chain.Left is not null ? 0 : chain.Links.Select(link => link.IsExtraction).ToList().IndexOf(true);
        return first < 0 ? [] : chain.Links.Skip(anywhere || chain.Left is not null ? 0 : first + 1).Select(link => link.Id);
    }

    private static int DrawNumber(Random random, List<Chain> chains)
    {
        var sources = chains.Where(chain => chain.Left is null).ToList();
        return sources[random.Next(sources.Count)].First + random.Next(12);
    }

    private static Chain DrawChain(Random random, int joins, ref int id, int first)
    {
        Chain? left = null, right = null;
        if (joins > 0)
        {
            var below = random.Next(joins);
            left = DrawChain(random, below, ref id, first);
            right = DrawChain(random, joins - 1 - below, ref id, first + (100 * (below + 1)));
        }

        var kinds = Enum.GetValues<Op>();
        List<ChainLink> links = [];
        for (var i = random.Next(joins > 0 ? 0 : 1, joins > 0 || first > 0 ? 4 : 7); i > 0; i--)
        {
            var op = links is [.., { IsSort: true }] && random.Next(3) == 0 ? Op.ThenBy : kinds[random.Next(kinds.Length)];
            links.Add(new ChainLink(id++, op, random.Next(10) == 0 ? 0 : random.Next(1, 9)));
        }

        return new Chain(first, left is null ? random.Next(17) : 0, left, right, random.Next(2) == 0, links);
    }
}
