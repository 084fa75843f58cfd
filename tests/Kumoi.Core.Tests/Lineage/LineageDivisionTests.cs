using Kumoi.Lineage;
using Xunit;

namespace Kumoi.Tests.Lineage;

/// <summary>Lists that are divided: a side never takes what the other holds.</summary>
public sealed class LineageDivisionTests
{
    private static LineageList<int> Ten => Enumerable.Range(1, 10).AsLineage();

    [Fact]
    public async Task Partition_divides_by_the_predicate_and_each_side_keeps_the_order()
    {
        var (even, odd) = Ten.Partition(x => x % 2 == 0);
        Assert.Equal([2, 4, 6, 8, 10], (await even.EvaluateAsync()).Items);
        var result = await odd.EvaluateAsync();
        Assert.Equal([1, 3, 5, 7, 9], result.Items);
        Assert.Contains("| partition  10 → 5", result.Trace.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Partition_is_no_extraction_but_those_above_and_below_it_answer()
    {
        await Assert.ThrowsAsync<InvalidOperationException>(
            () => Ten.Partition(x => x % 2 == 0).Matching.ForEachAsync(x => Throw.If(x == 4)));
        Assert.Equal([2, 6], (await Ten.Partition(x => x % 2 == 0).Matching.Take(2).ForEachAsync(x => Throw.If(x == 4))).Items);
        Assert.Equal([2, 6], (await Ten.Take(4).Partition(x => x % 2 == 0).Matching.ForEachAsync(x => Throw.If(x == 4))).Items);
        Assert.Equal([1, 4], (await Ten.Take(3).Partition(x => Throw.If(x == 3) || x == 2).Others.EvaluateAsync()).Items);
    }

    [Fact]
    public async Task An_element_that_changed_sides_between_the_evaluations_stays_where_it_is_held()
    {
        HashSet<int> busy = [1, 2, 3];
        var (first, second) = Enumerable.Range(1, 6).AsLineage().Partition(busy.Contains);
        Assert.Equal([1, 2, 3], (await first.EvaluateAsync()).Items);
        busy.Remove(3);
        Assert.Equal([4, 5, 6], (await second.EvaluateAsync()).Items);
        Assert.Equal([1, 2], (await first.EvaluateAsync()).Items);
        Assert.Equal([3, 4, 5, 6], (await second.EvaluateAsync()).Items);
    }

    [Fact]
    public async Task SplitAt_divides_at_the_place_and_its_left_side_has_the_right_one_for_reserve_while_nobody_holds_it()
    {
        var (first, others) = Ten.SplitAt(4);
        Assert.Equal([1, 3, 4, 5], (await first.ForEachAsync(x => Throw.If(x == 2))).Items);
        Assert.Equal([6, 7, 8, 9, 10], (await others.EvaluateAsync()).Items);
        Assert.Equal([1, 2, 3, 4], (await first.EvaluateAsync()).Items);
        Assert.Equal([5, 6, 7, 8, 9, 10], (await others.EvaluateAsync()).Items);
        Assert.Throws<ArgumentOutOfRangeException>(() => Ten.SplitAt(-1));
    }

    [Fact]
    public async Task The_left_side_of_SplitAt_takes_nothing_that_the_right_one_holds()
    {
        var (first, others) = Ten.SplitAt(4);
        Assert.Equal([5, 6, 7, 8, 9, 10], (await others.EvaluateAsync()).Items);
        LineageTrace? trace = null;
        await Assert.ThrowsAsync<ReserveExhaustedException>(
            () => first.ForEachAsync(x => Throw.If(x == 2), new LineageOptions { Traced = t => trace = t }));
        Assert.Contains("| splitAt  4", trace!.ToString(), StringComparison.Ordinal);
        Assert.Contains("splitAt exhausted", trace.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Below_another_extraction_a_side_of_SplitAt_takes_what_that_one_gives_and_nobody_holds()
    {
        var (first, others) = Ten.Take(6).SplitAt(3);
        Assert.Equal([4, 6, 7], (await others.ForEachAsync(x => Throw.If(x == 5))).Items);
        // 5 failed in the hands of the other side: it is no candidate either.
        Assert.Equal([1, 3, 8], (await first.ForEachAsync(x => Throw.If(x == 2))).Items);
        Assert.Equal([3, 8, 9], (await first.ForEachAsync(x => Throw.If(x is 1 or 2))).Items);
    }

    [Fact]
    public async Task The_right_side_of_SplitAt_is_no_extraction() =>
        await Assert.ThrowsAsync<InvalidOperationException>(() => Ten.SplitAt(3).Others.ForEachAsync(x => Throw.If(x == 5)));

    [Fact]
    public async Task Equal_elements_are_different_elements()
    {
        var (first, others) = new[] { 5, 5, 5, 7 }.AsLineage().SplitAt(2);
        Assert.Equal([5, 5], (await first.EvaluateAsync()).Items);
        Assert.Equal([5, 7], (await others.EvaluateAsync()).Items);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Sides_evaluated_at_the_same_time_share_nothing(int seed)
    {
        var scramble = new Scramble(seed);
        var (first, others) = Enumerable.Range(1, 30).AsLineage().Take(20).SplitAt(10);
        var both = await Task.FromResult(scramble.Run(() => Task.WhenAll(Evaluate(first), Evaluate(others))));
        Assert.Equal([10, 10], both.Select(side => side.Items.Count));
        Assert.Empty(both[0].Items.Intersect(both[1].Items));

        Task<LineageResult<int>> Evaluate(LineageList<int> side) => side.ForEachAsync(
            async (x, _) =>
            {
                await scramble.TurnAsync();
                Throw.If(x % 5 == 0);
            },
            options: new LineageOptions { MaxConcurrency = 3 });
    }
}
