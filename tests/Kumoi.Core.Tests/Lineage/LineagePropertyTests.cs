using System.Globalization;
using FsCheck;
using FsCheck.Fluent;
using Microsoft.FSharp.Core;
using Xunit;

namespace Kumoi.Tests.Lineage;

/// <summary>Random chains of all operators, failures and concurrency against the definition.</summary>
public sealed class LineagePropertyTests
{
    private const int Cases = 100_000;

    /// <summary>A failure begins with the seed that repeats it: <c>KUMOI_LINEAGE_SEED=…</c>.</summary>
    [Fact]
    public void Every_chain_gives_what_the_definition_says_whoever_finishes_first()
    {
        var seed = Environment.GetEnvironmentVariable("KUMOI_LINEAGE_SEED") is { } text
            ? ulong.Parse(text, CultureInfo.InvariantCulture)
            : (ulong)Random.Shared.NextInt64();
        var config = Config.QuickThrowOnFailure.WithMaxTest(Cases).WithName($"KUMOI_LINEAGE_SEED={seed}")
            .WithReplay(FSharpOption<Replay>.Some(new Replay(new Rnd(seed), FSharpOption<int>.None)));
        int exhausted = 0, passing = 0, substituted = 0, joined = 0;
        Prop.ForAll(
            Arb.ToArbitrary(Gen.Choose(int.MinValue, int.MaxValue).Select(ChainCase.Draw), given => given.Smaller()),
            given =>
            {
                if (Contradiction(given, out var oracle) is { } contradiction)
                {
                    Assert.Fail(contradiction);
                }

                exhausted += oracle.Exhausted ? 1 : 0;
                passing += oracle.Passing is null ? 0 : 1;
                substituted += oracle.Result is not null && oracle.Out.Count > 0 ? 1 : 0;
                joined += oracle.Result is not null && oracle.Out.Count > 0 && given.Chain.Left is not null ? 1 : 0;
            }).Check(config);
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"exhausted {exhausted}, without substitution {passing}, substituted {substituted}, joins among these {joined}");
        Assert.All([exhausted, passing, substituted, joined], count => Assert.InRange(count, Cases / 50, Cases));
    }

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
            : actual.Succeeded.Where(ran => !ran.Element.Numbers.Any(actual.Out.Contains) && !oracle.Reaching(ran.Op).Contains(ran.Element))
                .ToList();
        return true switch
        {
            _ when actual.Exhausted != oracle.Exhausted => "exhausted",
            _ when actual.Passing != oracle.Passing => "passing",
            _ when Text(actual.Result) != Text(oracle.Result) => "result",
            _ when oracle.Passing is null && !actual.Out.SetEquals(oracle.Out) => "out",
            _ when actual.RunTwice is not null => "run twice on the same: " + actual.RunTwice,
            _ when actual.WronglyUndone is not null => "undone: " + actual.WronglyUndone,
            _ when actual.MostAtOnce > given.Concurrency => "more at once than allowed",
            _ when fellOut.Count > 0 => "worked on, and fell out: " + string.Join(", ", fellOut),
            _ => null,
        };
    }

    private static string Text<T>(IEnumerable<T>? elements) => elements is null ? "nothing" : "[" + string.Join(" ", elements) + "]";
}
