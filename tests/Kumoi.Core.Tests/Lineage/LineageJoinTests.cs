using Kumoi.Hypervisors;
using Kumoi.Lineage;
using Xunit;

namespace Kumoi.Tests.Lineage;

/// <summary>Lists that come together: an element that fails is replaced on its own side.</summary>
public sealed class LineageJoinTests
{
    private static LineageList<int> Ten => Enumerable.Range(1, 10).AsLineage();

    private static LineageList<string> Letters => "abcdefgh".Select(c => c.ToString()).AsLineage();

    [Fact]
    public async Task Concat_and_Zip_are_the_ordinary_ones()
    {
        Assert.Equal([1, 2, 10, 9], (await Ten.Take(2).Concat(Ten.Reverse().Take(2)).EvaluateAsync()).Items);
        Assert.Equal([(1, "h"), (2, "g")], (await Ten.Take(2).Zip(Letters.Reverse()).EvaluateAsync()).Items);
        Assert.Equal([(1, 1), (2, 2)], (await Ten.Zip(Ten.Take(2)).EvaluateAsync()).Items);
        var three = Ten.Where(x => x == 3);
        Assert.Equal([3, 3], (await three.Concat(three).EvaluateAsync()).Items);
    }

    [Fact]
    public async Task An_element_of_Concat_is_replaced_from_its_own_side()
    {
        var both = Ten.Take(2).Concat(Enumerable.Range(101, 5).AsLineage().TakeLast(2));
        var result = await both.ForEachAsync(x => Throw.If(x is 2 or 104));
        Assert.Equal([1, 3, 103, 105], result.Items);
        Assert.Equal(
            """
            list  10
            | take  2
            list  5
            | takeRight  2
            | ++  4
            | foreach  4 →
            |   foreach ✗ 2: planned
            |   foreach ✗ 104: planned
            |   take(alt) 3
            |   takeRight(alt) 103
            |   foreach(alt) ✓ 3
            |   foreach(alt) ✓ 103
            """,
            result.Trace.ToString(),
            ignoreLineEndingDifferences: true);
        var thrown = await Assert.ThrowsAsync<ReserveExhaustedException>(() => both.ForEachAsync(x => Throw.If(x > 101)));
        Assert.Contains("'takeRight'", thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_side_of_Concat_without_an_extraction_has_no_substitutes()
    {
        var both = Ten.Take(2).Concat(Enumerable.Range(101, 2).AsLineage());
        Assert.Equal([1, 3, 101, 102], (await both.ForEachAsync(x => Throw.If(x == 2))).Items);
        var thrown = await Assert.ThrowsAsync<InvalidOperationException>(() => both.ForEachAsync(x => Throw.If(x == 101)));
        Assert.Equal("planned", thrown.Message);
        Assert.Equal([1, 2, 102], (await both.Take(3).ForEachAsync(x => Throw.If(x == 101))).Items);
    }

    [Fact]
    public async Task What_was_skipped_on_one_side_of_Concat_is_given_up_for_that_side_only()
    {
        var both = Ten.Skip(8).Concat(Enumerable.Range(101, 10).AsLineage().Skip(8));
        Assert.Equal([9, 10, 108, 110], (await both.ForEachAsync(x => Throw.If(x == 109))).Items);
    }

    [Fact]
    public async Task A_failed_pair_names_its_side_and_that_side_is_substituted()
    {
        var pairs = Letters.Take(3).Zip(Ten.Take(3));
        var result = await pairs.ForEachAsync(pair => Fail(PairSide.Right, pair.Right == 2));
        Assert.Equal([("a", 1), ("b", 4), ("c", 3)], result.Items);
        Assert.Equal(
            """
            list  8
            | take  3
            list  10
            | take  3
            | zip  3
            | foreach  3 →
            |   foreach ✗ 2: planned
            |   take(alt) 4
            |   foreach(alt) ✓ (b, 4)
            """,
            result.Trace.ToString(),
            ignoreLineEndingDifferences: true);
        // In the order of the left side; the partner of the failed element stays.
        Assert.Equal([("b", 2), ("c", 3), ("d", 1)], (await pairs.ForEachAsync(pair => Fail(PairSide.Left, pair.Left == "a"))).Items);
    }

    [Fact]
    public async Task Pairs_that_were_worked_on_stay()
    {
        List<(string, int)> done = [];
        await Letters.Take(3).Zip(Ten.Take(3)).ForEachAsync(pair =>
        {
            Fail(PairSide.Left, pair.Left == "a");
            done.Add(pair);
        });
        Assert.Equal([("b", 2), ("c", 3), ("d", 1)], done);
    }

    [Fact]
    public async Task A_failure_that_names_no_side_takes_both()
    {
        var result = await Letters.Take(2).Zip(Ten.Take(2)).ForEachAsync(pair => Throw.If(pair.Right == 1));
        Assert.Equal([("b", 2), ("c", 3)], result.Items);
        Assert.Contains("foreach ✗ (a, 1): planned", result.Trace.ToString(), StringComparison.Ordinal);
        await Assert.ThrowsAsync<InvalidOperationException>(() => Letters.Take(2).Zip(Ten).ForEachAsync(pair => Throw.If(pair.Right == 1)));
    }

    [Theory]
    [InlineData(FaultDomain.VM, "b2 c1")]
    [InlineData(FaultDomain.Host, "a3 b2")]
    [InlineData(FaultDomain.Storage, "b2 c3")]
    public async Task The_fault_domain_of_a_failure_tells_the_side_where_only_one_answers_it(FaultDomain domain, string expected)
    {
        var vms = "abcd".AsLineage(domains: FaultRules.OfVMs).Take(2);
        var hosts = Enumerable.Range(1, 4).AsLineage(domains: FaultRules.OfHosts).Take(2);
        var result = await vms.Zip(hosts).ForEachAsync(pair =>
        {
            if (pair is ('a', 1))
            {
                throw new HypervisorException("broken", domain);
            }
        });
        var text = string.Join(' ', result.Items.Select(pair => $"{pair.Left}{pair.Right}"));
        Assert.Equal(expected, text);
    }

    [Fact]
    public async Task A_named_failure_keeps_its_fault_domain_and_an_unanswered_one_is_thrown_untouched()
    {
        var failure = new PairFailureException(PairSide.Right, new HypervisorException("broken", FaultDomain.VM));
        Assert.Equal(FaultDomain.VM, failure.FaultDomain);
        var hosts = Ten.Take(10).Zip(Enumerable.Range(1, 4).AsLineage(domains: FaultRules.OfHosts).Take(2));
        Assert.Same(failure, await Assert.ThrowsAsync<PairFailureException>(() => hosts.ForEachAsync(_ => throw failure)));
    }

    [Fact]
    public async Task What_has_no_partner_is_taken_first()
    {
        var result = await Ten.Take(4).Zip(Letters.Take(2)).ForEachAsync(pair => Fail(PairSide.Left, pair.Left is 1 or 3));
        Assert.Equal([(2, "b"), (4, "a")], result.Items);
    }

    [Fact]
    public async Task A_substitute_whose_pair_is_filtered_out_is_turned_down_and_its_partner_is_kept()
    {
        var result = await Ten.Take(2).Zip(Letters.Take(2)).Where(pair => pair.Left is not 3)
            .ForEachAsync(pair => Fail(PairSide.Left, pair.Left == 1));
        Assert.Equal([(2, "b"), (4, "a")], result.Items);
        Assert.Contains("zip(alt) – 3: filtered out below", result.Trace.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_extraction_of_pairs_has_pairs_for_reserve()
    {
        var result = await Ten.Zip(Letters).Take(2).ForEachAsync(pair => Throw.If(pair.Left == 1));
        Assert.Equal([(2, "b"), (3, "c")], result.Items);
    }

    [Fact]
    public async Task Deeds_on_a_pair_and_on_its_failed_element_are_undone_and_those_on_its_partner_stay()
    {
        List<string> done = [];
        var vms = Letters.Take(2).Select((x, _) => Do("make", x), async (x, _) => await Do("unmake", x));
        var hosts = Ten.Take(2).Select((x, _) => Do("reserve", x), async (x, _) => await Do("release", x));
        var result = await vms.Zip(hosts)
            .Select((x, _) => Do("place", x), async (x, _) => await Do("displace", x))
            .ForEachAsync(pair => Fail(PairSide.Right, pair.Right == 1));
        Assert.Equal([("a", 3), ("b", 2)], result.Items);
        Assert.Equal(
            [
                "make a", "make b", "reserve 1", "reserve 2", "place (a, 1)", "place (b, 2)",
                "displace (a, 1)", "release 1", "reserve 3", "place (a, 3)",
            ],
            done);

        ValueTask<T> Do<T>(string what, T x)
        {
            done.Add($"{what} {x}");
            return ValueTask.FromResult(x);
        }
    }

    [Fact]
    public async Task Joins_nest_and_a_failure_names_its_way()
    {
        var nested = Letters.Take(2).Zip(Ten.Take(2)).Zip(Enumerable.Range(101, 5).AsLineage().Take(1).Concat(Ten.Skip(9)));
        var result = await nested.ForEachAsync(x =>
        {
            if (x.Left.Right == 2)
            {
                throw new PairFailureException(
                    PairSide.Left, new PairFailureException(PairSide.Right, new InvalidOperationException("deep")));
            }

            Fail(PairSide.Right, x.Right == 101);
        });
        Assert.Equal([(("a", 1), 102), (("b", 3), 10)], result.Items);
        Assert.Contains("foreach ✗ 2: deep", result.Trace.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_candidate_is_read_again_on_its_own_side_and_turned_down_when_it_no_longer_matches()
    {
        HashSet<int> idle = [1, 2, 3, 4, 5];
        List<int> read = [];
        var hosts = idle.ToList().AsLineage(refresh: (x, _) => { read.Add(x); return ValueTask.FromResult(x); }).Where(idle.Contains)
            .Take(2);
        var result = await Letters.Take(2).Zip(hosts).ForEachAsync(pair =>
        {
            idle.Remove(3);
            Fail(PairSide.Right, pair.Right == 1);
        });
        Assert.Equal([("a", 4), ("b", 2)], result.Items);
        Assert.Equal([3, 4], read);
        Assert.Contains("take(alt) – 3: 'filter' no longer holds", result.Trace.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_had_a_place_further_up_only_is_read_again_before_it_takes_one_further_down(bool staysIdle)
    {
        HashSet<int> idle = [1, 2, 3];
        List<int> read = [];
        var hosts = idle.ToList().AsLineage(refresh: (x, _) => { read.Add(x); return ValueTask.FromResult(x); }).Where(idle.Contains);

        // 2 is among the two that are taken first, loses its partner, and gets that of 1.
        var pairs = hosts.Zip(Enumerable.Range(101, 3).AsLineage()).Take(2).TakeWhile(pair =>
        {
            Fail(PairSide.Right, pair.Right == 102);
            return true;
        });
        var work = pairs.ForEachAsync(pair =>
        {
            _ = staysIdle || idle.Remove(2);
            Fail(PairSide.Left, pair.Left == 1);
        });

        if (staysIdle)
        {
            Assert.Equal([(2, 101), (3, 103)], (await work).Items);
        }
        else
        {
            await Assert.ThrowsAsync<ReserveExhaustedException>(() => work);
        }

        Assert.Equal([3, 2], read);
    }

    [Fact]
    public async Task Both_sides_of_a_partition_can_be_worked_on_as_one_list()
    {
        var (even, odd) = Ten.Partition(x => x % 2 == 0);
        Assert.Equal([2, 6, 1, 3], (await even.Take(2).Concat(odd.Take(2)).ForEachAsync(x => Throw.If(x == 4))).Items);
        var (first, others) = Ten.SplitAt(3);
        Assert.Equal([1, 2, 3, 4, 5], (await first.Concat(others.Take(2)).EvaluateAsync()).Items);
    }

    private static void Fail(PairSide side, bool condition)
    {
        if (condition)
        {
            throw new PairFailureException(side, new InvalidOperationException("planned"));
        }
    }
}
