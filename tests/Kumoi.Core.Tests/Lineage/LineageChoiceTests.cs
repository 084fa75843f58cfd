using Kumoi.Lineage;
using Xunit;

namespace Kumoi.Tests.Lineage;

/// <summary>Operators that choose by a condition, a draw or a score.</summary>
public sealed class LineageChoiceTests
{
    private static readonly string[] Words = ["pear", "fig", "plum", "kiwi", "lime", "date", "nut"];

    private static LineageList<int> Ten => Enumerable.Range(1, 10).AsLineage();

    [Fact]
    public async Task ThenBy_orders_what_the_sort_before_holds_for_equal_and_a_substitute_comes_where_both_put_it()
    {
        var sorted = Words.AsLineage().OrderBy(x => x.Length).ThenBy(x => x, StringComparer.Ordinal);
        Assert.Equal(["fig", "nut", "date", "kiwi", "lime", "pear", "plum"], (await sorted.EvaluateAsync()).Items);
        Assert.Equal(["nut", "date", "kiwi"], (await sorted.Take(3).ForEachAsync(x => Throw.If(x == "fig"))).Items);

        var down = Words.AsLineage().Take(4).OrderByDescending(x => x.Length).ThenByDescending(x => x[0])
            .ThenBy(x => x, StringComparer.Ordinal);
        Assert.Equal(["pear", "plum", "kiwi", "fig"], (await down.EvaluateAsync()).Items);
        var result = await down.ForEachAsync(x => Throw.If(x == "plum"));
        Assert.Equal(["pear", "lime", "kiwi", "fig"], result.Items);
        Assert.Contains("| thenBy  4", result.Trace.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_failing_key_is_answered_by_the_extraction_above() =>
        Assert.Equal(
            [3, 1, 4],
            (await Ten.Take(3).OrderByDescending(x => x % 3 == 0).ThenBy(x => Throw.If(x == 2) ? 0 : x).EvaluateAsync()).Items);

    [Fact]
    public async Task TakeWhile_and_SkipWhile_are_the_ordinary_ones()
    {
        var numbers = new[] { 1, 2, 9, 3, 8 };
        Assert.Equal([1, 2], (await numbers.AsLineage().TakeWhile(x => x < 5).EvaluateAsync()).Items);
        Assert.Equal([9, 3, 8], (await numbers.AsLineage().SkipWhile(x => x < 5).EvaluateAsync()).Items);
    }

    [Fact]
    public async Task No_candidate_qualifies_below_TakeWhile_and_the_trace_says_so()
    {
        LineageTrace? trace = null;
        await Assert.ThrowsAsync<ReserveExhaustedException>(() => new[] { 1, 2, 9, 3 }.AsLineage().TakeWhile(x => x < 5)
            .ForEachAsync(x => Throw.If(x == 2), new LineageOptions { Traced = t => trace = t }));
        Assert.Equal(
            """
            list  4
            | takeWhile  2
            | foreach  2 →
            |   foreach ✗ 2: planned
            |   takeWhile: no candidate: the rest begins with an element for which the predicate does not hold
            |   takeWhile exhausted
            """,
            trace!.ToString(),
            ignoreLineEndingDifferences: true);
    }

    [Fact]
    public async Task No_candidate_qualifies_below_SkipWhile_and_what_came_out_stays_when_the_first_of_it_fails()
    {
        LineageTrace? trace = null;
        List<int> done = [];
        var thrown = await Assert.ThrowsAsync<ReserveExhaustedException>(() => new[] { 1, 2, 9, 3 }.AsLineage().SkipWhile(x => x < 5)
            .ForEachAsync(
                x =>
                {
                    Throw.If(x == 9);
                    done.Add(x);
                },
                new LineageOptions { Traced = t => trace = t }));
        Assert.Equal([3], done);
        Assert.Equal("9", Assert.Single(thrown.Attempts).Element);
        Assert.Contains(
            "|   dropWhile: no candidate: for all that was skipped the predicate holds", trace!.ToString(), StringComparison.Ordinal);
        Assert.Equal(
            [3, 4], (await new[] { 1, 2, 9, 3, 4 }.AsLineage().SkipWhile(x => x < 5).Take(2).ForEachAsync(x => Throw.If(x == 9))).Items);
    }

    [Fact]
    public async Task An_extraction_above_TakeWhile_or_SkipWhile_answers_and_its_candidates_must_pass()
    {
        var numbers = new[] { 1, 2, 3, 9, 4, 8, 7, 2 };
        var below = numbers.AsLineage().Take(3).OrderByDescending(x => x).TakeWhile(x => x < 9);
        var result = await below.ForEachAsync(x => Throw.If(x == 2));
        Assert.Equal([4, 3, 1], result.Items);
        Assert.Contains("take(alt) – 9: filtered out below", result.Trace.ToString(), StringComparison.Ordinal);

        var skipped = await numbers.AsLineage().Take(4).SkipWhile(x => x < 3).ForEachAsync(x => Throw.If(x == 3));
        Assert.Equal([9, 4], skipped.Items);
    }

    [Fact]
    public async Task A_failing_predicate_is_answered_by_the_extraction_above_only()
    {
        Assert.Equal([1, 3, 4], (await Ten.Take(3).TakeWhile(x => !Throw.If(x == 2)).EvaluateAsync()).Items);
        Assert.Equal([3, 4], (await Ten.Take(3).SkipWhile(x => Throw.If(x == 2) || x < 2).EvaluateAsync()).Items);
        Assert.Equal([1, 3, 4], (await Ten.Take(3).AccumulateWhile((_, x) => !Throw.If(x == 2)).EvaluateAsync()).Items);
        Assert.Equal([1, 3], (await Ten.Take(3).TakeByScore(2, x => Throw.If(x == 2) ? 0 : -x).EvaluateAsync()).Items);
        await Assert.ThrowsAsync<InvalidOperationException>(() => Ten.TakeWhile(x => !Throw.If(x == 2)).EvaluateAsync());
        await Assert.ThrowsAsync<InvalidOperationException>(() => Ten.AccumulateWhile((_, x) => !Throw.If(x == 2)).EvaluateAsync());
    }

    [Fact]
    public async Task AccumulateWhile_takes_the_longest_prefix_and_asks_about_no_element_twice()
    {
        List<string> asked = [];
        var result = await Ten.AccumulateWhile((taken, x) =>
        {
            asked.Add($"{string.Join('+', taken)}<{x}");
            return taken.Sum() < 6;
        }).Select(x => x).ForEachAsync(_ => { });
        Assert.Equal([1, 2, 3], result.Items);
        Assert.Equal(["<1", "1<2", "1+2<3", "1+2+3<4"], asked);
    }

    [Fact]
    public async Task A_candidate_of_AccumulateWhile_must_satisfy_it_against_what_is_then_taken()
    {
        var sizes = new[] { 6, 3, 2, 2, 1, 1 };
        Assert.Equal([6, 3], (await Fitting(sizes, 10).EvaluateAsync()).Items);
        // Where the large one fails there is room for several.
        Assert.Equal([3, 2, 2, 1, 1], (await Fitting(sizes, 10).ForEachAsync(x => Throw.If(x == 6))).Items);
        var result = await Fitting(sizes, 10).ForEachAsync(x => Throw.If(x == 3));
        Assert.Equal([6, 2, 2], result.Items);
        Assert.Contains("| accumulateWhile  2", result.Trace.ToString(), StringComparison.Ordinal);
        Assert.Contains("accumulateWhile(alt) 2", result.Trace.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_candidate_that_does_not_satisfy_AccumulateWhile_ends_the_search()
    {
        LineageTrace? trace = null;
        await Assert.ThrowsAsync<ReserveExhaustedException>(
            () => Fitting([5, 4, 7, 1], 10).ForEachAsync(x => Throw.If(x == 5), new LineageOptions { Traced = t => trace = t }));
        Assert.Contains("accumulateWhile: no candidate: the next element does not satisfy", trace!.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_AccumulateWhile_took_stays_although_the_predicate_would_not_hold_without_the_failed_element()
    {
        var ascending = Ten.AccumulateWhile((taken, x) => x <= 4 && taken.Count == x - 1 || taken.Count == 3 && x < 7);
        Assert.Equal([1, 2, 3, 4], (await ascending.EvaluateAsync()).Items);
        Assert.Equal([1, 3, 4, 5], (await ascending.ForEachAsync(x => Throw.If(x == 2))).Items);
    }

    [Fact]
    public async Task A_candidate_on_which_the_predicate_of_AccumulateWhile_fails_is_out_and_the_next_one_is_asked_about()
    {
        var result = await Ten.AccumulateWhile((taken, x) => taken.Count < 3 && !Throw.If(x == 4)).ForEachAsync(x => Throw.If(x == 2));
        Assert.Equal([1, 3, 5], result.Items);
    }

    [Fact]
    public async Task TakeRandom_draws_without_replacement_in_the_order_of_the_list_and_the_draws_are_remembered()
    {
        var drawn = (await Ten.TakeRandom(4, seed: 11).EvaluateAsync()).Items;
        Assert.Equal(4, drawn.Distinct().Count());
        Assert.Equal(drawn.Order(), drawn);
        Assert.Equal(drawn, (await Ten.TakeRandom(4, seed: 11).EvaluateAsync()).Items);
        var further = (await Ten.TakeRandom(5, seed: 11).EvaluateAsync()).Items.Except(drawn).Single();

        var result = await Ten.TakeRandom(4, seed: 11).ForEachAsync(x => Throw.If(x == drawn[1]));
        Assert.Equal(drawn.Where((_, i) => i is not 1).Append(further).Order(), result.Items);
        Assert.Contains($"takeByRandom(alt) {further}", result.Trace.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task TakeRandom_without_a_seed_draws_once_for_a_list_and_all_elements_have_the_same_chance()
    {
        var list = Ten.TakeRandom(5);
        Assert.Equal((await list.EvaluateAsync()).Items, (await list.EvaluateAsync()).Items);

        var counts = new int[11];
        for (var seed = 0; seed < 2000; seed++)
        {
            foreach (var x in (await Ten.TakeRandom(2, seed).EvaluateAsync()).Items)
            {
                counts[x]++;
            }
        }

        Assert.All(counts.Skip(1), count => Assert.InRange(count, 320, 480));
    }

    [Fact]
    public async Task TakeByScore_takes_the_best_in_the_order_of_the_list_and_then_the_next_best()
    {
        var scores = new Dictionary<string, double> { ["fig"] = 3, ["kiwi"] = 9, ["date"] = 5, ["lime"] = 5, ["pear"] = double.NaN };
        var best = Words.AsLineage().TakeByScore(2, x => scores.GetValueOrDefault(x, -1));
        Assert.Equal(["kiwi", "lime"], (await best.EvaluateAsync()).Items);
        var result = await best.ForEachAsync(x => Throw.If(x is "lime" or "date"));
        Assert.Equal(["fig", "kiwi"], result.Items);
        Assert.Equal(
            """
            list  7
            | takeByScore  2
            | foreach  2 →
            |   foreach ✗ lime: planned
            |   takeByScore(alt) date
            |   foreach ✗ date: planned
            |   takeByScore(alt) fig
            |   foreach(alt) ✓ fig
            """,
            result.Trace.ToString(),
            ignoreLineEndingDifferences: true);
        await Assert.ThrowsAsync<ReserveExhaustedException>(() => best.ForEachAsync(x => Throw.If(x is not "kiwi")));
    }

    [Fact]
    public async Task Stacked_choices_choose_anew_without_the_failed_elements()
    {
        var stacked = Ten.TakeByScore(6, x => x).AccumulateWhile((taken, _) => taken.Count < 4).TakeRandom(2, seed: 3);
        var picks = (await stacked.EvaluateAsync()).Items;
        Assert.All(picks, x => Assert.InRange(x, 5, 8));
        var result = await stacked.ForEachAsync(x => Throw.If(picks.Contains(x)));
        Assert.Equal(2, result.Items.Count);
        // The score brings 3 and 4, which come first in the list, so they are accumulated with the two that stay; of the four two are
        // drawn.
        Assert.All(result.Items, x => Assert.InRange(x, 3, 8));
        Assert.Empty(result.Items.Intersect(picks));
    }

    private static LineageList<int> Fitting(int[] sizes, int room) =>
        sizes.AsLineage().AccumulateWhile((taken, x) => taken.Sum() + x <= room);
}
