using System.Globalization;
using Xunit;

namespace Kumoi.Tests.Lineage;

/// <summary>Random chains of all operators, failures and concurrency against the definition.</summary>
public sealed class LineagePropertyTests
{
    private const int Cases = 100_000;

    /// <summary>A failure tells its seed: <c>KUMOI_LINEAGE_SEED=… KUMOI_LINEAGE_CASES=1</c> repeats it.</summary>
    [Fact]
    public void Every_chain_gives_what_the_definition_says_whoever_finishes_first()
    {
        var first = Setting("KUMOI_LINEAGE_SEED") ?? Random.Shared.Next(int.MaxValue - Cases);
        int exhausted = 0, passing = 0, substituted = 0, joined = 0;
        for (var seed = first; seed < first + (Setting("KUMOI_LINEAGE_CASES") ?? Cases); seed++)
        {
            var drawn = ChainCase.Draw(seed);
            if (Contradiction(drawn, out var oracle) is not null)
            {
                Assert.Fail($"seed {seed}\n{Contradiction(Smallest(drawn), out _)}");
            }

            exhausted += oracle.Exhausted ? 1 : 0;
            passing += oracle.Passing is null ? 0 : 1;
            substituted += oracle.Result is not null && oracle.Out.Count > 0 ? 1 : 0;
            joined += oracle.Result is not null && oracle.Out.Count > 0 && drawn.Chain.Left is not null ? 1 : 0;
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"exhausted {exhausted}, without substitution {passing}, substituted {substituted}, joins among these {joined}");
        if (Setting("KUMOI_LINEAGE_CASES") is null)
        {
            Assert.All([exhausted, passing, substituted, joined], count => Assert.InRange(count, Cases / 50, Cases));
        }
    }

    private static ChainCase Smallest(ChainCase given) =>
        given.Smaller().FirstOrDefault(smaller => Contradiction(smaller, out _) is not null) is { } found ? Smallest(found) : given;

    /// <summary>Null: it is as the definition says.</summary>
    private static string? Contradiction(ChainCase given, out ChainOracle oracle)
    {
        oracle = new ChainOracle(given);
        oracle.Solve();
        var actual = new ChainEvaluation(given);
        string? wrong;
        try
        {
            actual.Run(given.Salt);
            wrong = Wrong(given, oracle, actual);
        }
#pragma warning disable CA1031 // a defect, of the case that is told with it
        catch (Exception e)
#pragma warning restore CA1031
        {
            wrong = e.ToString();
        }

        return wrong is null
            ? null
            : $"""
            {wrong}
            {given}
            expected {Text(oracle.Result)}, exhausted {oracle.Exhausted}, passing {oracle.Passing}, out {Text(oracle.Out.Order())}
            actual   {Text(actual.Result)}, exhausted {actual.Exhausted}, passing {actual.Passing}, out {Text(actual.Out.Order())}
            {actual.Trace}
            """;
    }

    private static string? Wrong(ChainCase given, ChainOracle oracle, ChainEvaluation actual)
    {
        // Elements worked on stay, at every operator.
        var fellOut = actual.Result is null
            ? []
            : actual.Succeeded.Where(ran => !ran.Element.Numbers.Any(actual.Out.Contains) && !oracle.Reaching(ran.Op).Contains(ran.Element)).ToList();
        return true switch
        {
            _ when actual.Exhausted != oracle.Exhausted => "exhausted",
            _ when actual.Passing != oracle.Passing => "passing",
            _ when Text(actual.Result) != Text(oracle.Result) => "result",
            _ when oracle.Passing is null && !actual.Out.SetEquals(oracle.Out) => "out",
            _ when actual.RunTwice is not null => "run twice on the same: " + actual.RunTwice,
            _ when actual.MostAtOnce > given.Concurrency => "more at once than allowed",
            _ when fellOut.Count > 0 => "worked on, and fell out: " + string.Join(", ", fellOut),
            _ => null,
        };
    }

    private static int? Setting(string name) =>
        Environment.GetEnvironmentVariable(name) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : null;

    private static string Text<T>(IEnumerable<T>? elements) => elements is null ? "nothing" : "[" + string.Join(" ", elements) + "]";
}
