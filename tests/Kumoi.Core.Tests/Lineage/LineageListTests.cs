using Kumoi.Lineage;
using Xunit;

namespace Kumoi.Tests.Lineage;

/// <summary>What comes out of a lineage, with and without failures.</summary>
public sealed class LineageListTests
{
    [Fact]
    public async Task Nothing_is_evaluated_before_the_terminal_and_then_each_function_runs_once_per_element()
    {
        int enumerated = 0, asked = 0, keyed = 0, mapped = 0;
        var list = Source().AsLineage()
            .Where(_ => { asked++; return true; })
            .OrderBy(x => { keyed++; return -x; })
            .Select(x => { mapped++; return x; })
            .Take(2);
        Assert.Equal((0, 0, 0, 0), (enumerated, asked, keyed, mapped));

        Assert.Equal([4, 3], (await list.EvaluateAsync()).Items);
        Assert.Equal((1, 5, 5, 5), (enumerated, asked, keyed, mapped));

        IEnumerable<int> Source()
        {
            enumerated++;
            foreach (var x in Enumerable.Range(0, 5))
            {
                yield return x;
            }
        }
    }

    [Fact]
    public async Task A_lineage_can_be_evaluated_again_and_sees_the_source_as_it_is_then()
    {
        List<int> source = [1, 2, 3];
        var list = source.AsLineage().Take(2);
        Assert.Equal([1, 2], (await list.EvaluateAsync()).Items);
        source.Insert(0, 0);
        Assert.Equal([0, 1], (await list.EvaluateAsync()).Items);
    }

    [Theory]
    [InlineData("Take", 2, "1 3 4")]
    [InlineData("TakeLast", 9, "7 8 10")]
    [InlineData("Skip", 9, "7 8 10")]
    [InlineData("SkipLast", 2, "1 3 4")]
    public async Task An_extraction_of_three_answers_a_failure_from_its_own_side_of_the_boundary(
        string operation, int failing, string expected)
    {
        var numbers = Enumerable.Range(1, 10).AsLineage();
        var list = operation switch
        {
            "Take" => numbers.Take(3),
            "TakeLast" => numbers.TakeLast(3),
            "Skip" => numbers.Skip(7),
            _ => numbers.SkipLast(7),
        };
        Assert.Equal(expected, string.Join(' ', (await list.ForEachAsync(x => Throw.If(x == failing))).Items));
    }

    [Fact]
    public async Task What_was_skipped_stays_skipped_while_another_extraction_has_a_reserve()
    {
        var list = Enumerable.Range(1, 8).AsLineage().Skip(3).Take(4);
        Assert.Equal([4, 6, 7, 8], (await list.ForEachAsync(x => Throw.If(x == 5))).Items);
        Assert.Equal([3, 4, 7, 8], (await list.ForEachAsync(x => Throw.If(x is 5 or 6))).Items);
    }

    [Fact]
    public async Task Below_reverse_and_a_stable_sort_the_substitute_comes_where_the_chain_would_have_put_it()
    {
        var words = new[] { "pear", "fig", "plum", "kiwi", "lime", "date" };
        Assert.Equal(["lime", "kiwi"], (await words.AsLineage().Reverse().Take(2).ForEachAsync(x => Throw.If(x == "date"))).Items);
        Assert.Equal(
            ["fig", "plum", "kiwi"],
            (await words.AsLineage().OrderBy(x => x.Length).Take(3).ForEachAsync(x => Throw.If(x == "pear"))).Items);
        Assert.Equal(
            ["kiwi", "pear", "plum"],
            (await words.AsLineage().Take(3).OrderBy(x => x, StringComparer.Ordinal).ForEachAsync(x => Throw.If(x == "fig"))).Items);
        Assert.Equal(
            ["pear", "plum", "fig"],
            (await words.AsLineage().Take(3).OrderByDescending(x => x.Length).ForEachAsync(_ => { })).Items);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(10)]
    [InlineData(64)]
    [InlineData(65)]
    [InlineData(999)]
    [InlineData(1000)]
    [InlineData(2000)]
    public async Task The_first_of_many_that_were_sorted_and_their_substitutes_are_those_of_the_ordinary_chain(int count)
    {
        var many = Many(1000);
        foreach (var down in new[] { false, true })
        {
            var list = down
                ? many.AsLineage().OrderByDescending(x => x % 7).ThenBy(x => x % 3).Take(count)
                : many.AsLineage().OrderBy(x => x % 7).ThenByDescending(x => x % 3).Take(count);
            Assert.Equal(Ordinary(many).Take(count), (await list.EvaluateAsync()).Items);

            // Of those that come out every fourth fails, and so do some of their substitutes.
            HashSet<int> failing = [.. Ordinary(many).Where((_, i) => i % 4 == 1)];
            var expected = Ordinary([.. many.Where(x => !failing.Contains(x))]).Take(count).ToList();
            if (expected.Count == Math.Min(count, many.Length))
            {
                Assert.Equal(expected, (await list.ForEachAsync(x => Throw.If(failing.Contains(x)))).Items);
            }

            IEnumerable<int> Ordinary(int[] numbers) => down
                ? numbers.OrderByDescending(x => x % 7).ThenBy(x => x % 3)
                : numbers.OrderBy(x => x % 7).ThenByDescending(x => x % 3);
        }
    }

    [Fact]
    public async Task Who_takes_a_few_does_not_wait_for_the_rest_to_be_sorted_nor_does_a_substitute()
    {
        var many = Many(10_000);
        var compared = 0;
        var comparer = Comparer<int>.Create((one, other) =>
        {
            compared++;
            return one.CompareTo(other);
        });
        var few = many.AsLineage().OrderBy(x => x, comparer).Take(10);
        Assert.Equal(Enumerable.Range(0, 10), (await few.EvaluateAsync()).Items);
        Assert.InRange(compared, 1, 2 * many.Length);

        compared = 0;
        Assert.Equal([0, 1, 2, 4, 5, 6, 7, 8, 9, 10], (await few.ForEachAsync(x => Throw.If(x == 3))).Items);
        Assert.InRange(compared, 1, 4 * many.Length);
    }

    [Fact]
    public async Task A_pick_that_sorts_behind_others_stays_when_another_fails_above_it()
    {
        // 6 came in for 5, where only 9 had been left; with 9 gone too, 6 stays and what comes next is 7.
        var result = await new[] { 9, 5, 6, 7, 8 }.AsLineage().Take(2).OrderByDescending(x => x).Take(2)
            .Select(x => Throw.If(x == 5) ? 0 : x).ForEachAsync(x => Throw.If(x == 9));
        Assert.Equal([7, 6], result.Items);
    }

    [Fact]
    public async Task A_failing_filter_below_an_extraction_is_answered_too()
    {
        var result = await Enumerable.Range(1, 9).AsLineage().Take(4).Where(x => Throw.If(x == 2) || x != 3).EvaluateAsync();
        Assert.Equal([1, 4, 5], result.Items);
    }

    [Fact]
    public async Task A_substitute_that_a_filter_below_drops_is_turned_down_and_the_next_one_is_taken()
    {
        var result = await Enumerable.Range(1, 9).AsLineage().Take(3).Where(x => x is not (4 or 5)).ForEachAsync(x => Throw.If(x == 2));
        Assert.Equal([1, 3, 6], result.Items);
        Assert.Equal(1, result.Trace.Substitutions);
        Assert.Equal(2, result.Trace.Steps.Count(step => step.Kind is LineageStepKind.Rejection));
    }

    [Fact]
    public async Task Only_as_many_candidates_are_turned_down_as_are_missing()
    {
        var result = await Enumerable.Range(1, 20).AsLineage()
            .Take(4).Where(x => x is not (5 or 6 or 7 or 8)).TakeLast(1).ForEachAsync(x => Throw.If(x <= 4));
        Assert.Equal([9], result.Items);
    }

    [Fact]
    public async Task A_substitute_that_holds_a_place_is_not_turned_down_for_a_later_failure()
    {
        List<int> done = [];
        var result = await Enumerable.Range(1, 9).AsLineage()
            .Take(3)
            .Select(async (x, _) => await Task.FromResult(x == 2 ? throw new InvalidOperationException() : x), (x, _) => Undo(x))
            .Where(x => x is not (4 or 5))
            .ForEachAsync(x => Throw.If(x == 1));
        // 4 took the place of 2 and was filtered out as any other would have been; only 5, for 1, is a candidate that was turned down.
        Assert.Equal([3, 6], result.Items);
        Assert.Equal([2, 1, 5], done);

        ValueTask Undo(int x)
        {
            done.Add(x);
            return ValueTask.CompletedTask;
        }
    }

    [Fact]
    public async Task A_candidate_is_read_again_and_turned_down_when_it_no_longer_matches()
    {
        List<string> read = [];
        var hosts = new[] { "a", "b", "c", "d" };
        var current = new HashSet<string>(hosts);
        var result = await hosts.AsLineage(refresh: (x, _) => { read.Add(x); return ValueTask.FromResult(x); })
            .Where(current.Contains)
            .Take(2)
            .ForEachAsync(x =>
            {
                current.Remove("c");
                Throw.If(x == "a");
            });
        Assert.Equal(["b", "d"], result.Items);
        Assert.Equal(["c", "d"], read);
        Assert.Contains("take(alt) – c: 'filter' no longer holds", result.Trace.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_candidate_goes_on_as_it_was_read_again_and_readings_made_of_it_are_made_anew()
    {
        var made = 0;
        var result = await Enumerable.Range(1, 4).AsLineage(refresh: (x, _) => ValueTask.FromResult(x + 10))
            .Select(x => { made++; return x * 2; })
            .Take(2)
            .ForEachAsync(x => Throw.If(x == 2));
        Assert.Equal([4, 26], result.Items);
        Assert.Equal(5, made);
    }

    [Fact]
    public async Task A_candidate_that_cannot_be_read_is_out()
    {
        var result = await Enumerable.Range(1, 4).AsLineage(refresh: (x, _) => ValueTask.FromResult(Throw.If(x == 3) ? 0 : x))
            .Take(2)
            .ForEachAsync(x => Throw.If(x == 2));
        Assert.Equal([1, 4], result.Items);
    }

    [Fact]
    public async Task An_action_with_an_undo_is_not_run_again_on_a_candidate_that_was_read_again()
    {
        List<int> done = [];
        var result = await Enumerable.Range(1, 6).AsLineage(refresh: (x, _) => ValueTask.FromResult(x))
            .Take(4)
            .Select((x, _) => { done.Add(x); return ValueTask.FromResult(x); }, (_, _) => ValueTask.CompletedTask)
            .Take(2)
            .ForEachAsync(x => Throw.If(x == 2));
        Assert.Equal([1, 3], result.Items);
        Assert.Equal([1, 2, 3, 4, 5], done);
    }

    [Fact]
    public async Task The_terminals_replace_failed_elements_before_they_answer()
    {
        var numbers = Enumerable.Range(1, 9).AsLineage().Take(3).Select(x => Throw.If(x == 2) ? 0 : x);
        Assert.Equal(3, await numbers.CountAsync());
        Assert.Equal(1 + 3 + 4, await numbers.AggregateAsync(0, (sum, x) => sum + x));
        Assert.Equal(1, await numbers.FirstAsync());
        Assert.True(await numbers.AnyAsync());
        Assert.True(await numbers.AnyAsync(x => x == 4));
        Assert.False(await numbers.AllAsync(x => x < 4));
        Assert.True(await numbers.AllAsync(x => x is not 2));
        Assert.False(await Enumerable.Empty<int>().AsLineage().AnyAsync());
        await Assert.ThrowsAsync<InvalidOperationException>(() => Enumerable.Empty<int>().AsLineage().FirstAsync());
    }

    /// <summary>Each number once, in an order that sorting has to change.</summary>
    private static int[] Many(int count)
    {
        int[] many = [.. Enumerable.Range(0, count)];
        new Random(7).Shuffle(many);
        return many;
    }

    [Fact]
    public void Counts_and_throttles_out_of_range_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new[] { 1 }.AsLineage().Take(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new LineageOptions { MaxConcurrency = 0 });
    }
}
