using FsCheck;
using FsCheck.Fluent;
using Kumoi.Lineage;
using Xunit;

namespace Kumoi.Tests.Lineage;

public sealed class LineagePropertyTests
{
    [Fact]
    public void Every_chain_gives_what_the_definition_says_whoever_finishes_first() =>
        Prop.ForAll(ChainCase.Arbitrary(), Holds).Check(Config.QuickThrowOnFailure.WithMaxTest(25_000));

    private static Property Holds(ChainCase chain)
    {
        var oracle = new ChainOracle(chain);
        oracle.Solve();
        var actual = new ChainEvaluation(chain);
        actual.Run(chain.Salt);
        var what = $"""
            {chain}
            expected {Text(oracle.Result)}, exhausted {oracle.Exhausted}, passing {oracle.Passing}, out {Text(oracle.Out.Order())}
            actual   {Text(actual.Result)}, exhausted {actual.Exhausted}, passing {actual.Passing}, out {Text(actual.Out.Order())}
            {actual.Trace}
            """;
        return (Text(actual.Result) == Text(oracle.Result)).Label(what)
            .And((actual.Exhausted == oracle.Exhausted).Label("exhausted\n" + what))
            .And((actual.Passing == oracle.Passing).Label("passing\n" + what))
            .And((oracle.Passing is not null || actual.Out.SetEquals(oracle.Out)).Label("out\n" + what))
            .And((actual.RunTwice is null).Label($"run twice on the same: {actual.RunTwice}\n{what}"))
            .And((actual.MostAtOnce <= chain.Concurrency).Label("more at once than allowed\n" + what))
            .And((actual.Result is null || !FellOut(actual, oracle).Any()).Label($"worked on, and fell out: {string.Join(", ", FellOut(actual, oracle))}\n{what}"))
            .Classify(actual is { Exhausted: true }, "exhausted")
            .Classify(actual is { Passing: not null }, "without substitution")
            .Classify(actual is { Result: not null, Out.Count: 1 }, "one out")
            .Classify(actual is { Result: not null, Out.Count: > 1 }, "several out");
    }

    /// <summary>Elements worked on stay, at every operator.</summary>
    private static IEnumerable<(int Op, int Element)> FellOut(ChainEvaluation actual, ChainOracle oracle)
    {
        var gone = actual.Out;
        return actual.Succeeded.Where(ran => !gone.Contains(ran.Element) && !oracle.Reaching(ran.Op).Contains(ran.Element));
    }

    private static string Text(IEnumerable<int>? elements) => elements is null ? "nothing" : "[" + string.Join(" ", elements) + "]";
}
