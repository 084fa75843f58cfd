using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Lineage;
using Xunit;

namespace Kumoi.Tests.Lineage;

/// <summary>Failures that are not replaced, and what is undone.</summary>
public sealed class LineageFailureTests
{
    [Fact]
    public async Task With_nothing_left_the_exception_holds_the_original_failure_and_all_attempts()
    {
        var original = new InvalidOperationException("first");
        LineageTrace? trace = null;
        var thrown = await Assert.ThrowsAsync<ReserveExhaustedException>(() => Enumerable.Range(1, 4).AsLineage().Take(2).ForEachAsync(
            x => { if (x > 1) { throw x == 2 ? original : new InvalidOperationException("other"); } },
            new LineageOptions { Traced = t => trace = t }));
        Assert.Same(original, thrown.InnerException);
        Assert.Equal(["2", "3", "4"], thrown.Attempts.Select(attempt => attempt.Element));
        Assert.Equal("foreach", thrown.Attempts[0].Operator);
        Assert.Equal(LineageStepKind.Exhaustion, trace!.Steps[^1].Kind);
    }

    [Fact]
    public async Task A_list_shorter_than_its_extraction_has_no_reserve() =>
        await Assert.ThrowsAsync<ReserveExhaustedException>(
            () => Enumerable.Range(1, 4).AsLineage().Take(10).ForEachAsync(x => Throw.If(x == 2)));

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task Without_an_extraction_above_the_original_failure_of_the_first_element_is_thrown_untouched(int concurrency)
    {
        var failures = Enumerable.Range(0, 6).Select(i => new InvalidOperationException("planned " + i)).ToArray();
        var scramble = new Scramble(5);
        var thrown = await Assert.ThrowsAsync<InvalidOperationException>(() => Task.FromResult(scramble.Run(
            () => Enumerable.Range(0, 6).AsLineage()
                .Where(async (x, _) =>
                {
                    await scramble.TurnAsync();
                    return x < 2 ? true : throw failures[x];
                })
                .Take(1)
                .EvaluateAsync(new LineageOptions { MaxConcurrency = concurrency }))));
        Assert.Same(failures[2], thrown);
    }

    [Fact]
    public async Task A_failure_of_a_domain_that_does_not_concern_the_lineage_passes_it()
    {
        var failure = new HypervisorException("the VM is broken", FaultDomain.VM);
        var tried = 0;
        var thrown = await Assert.ThrowsAsync<HypervisorException>(() => Enumerable.Range(1, 9).AsLineage(domains: FaultRules.OfHosts)
            .Take(2).ForEachAsync(_ => { tried++; throw failure; }));
        Assert.Same(failure, thrown);
        Assert.Equal(1, tried);
    }

    [Theory]
    [InlineData(FaultDomain.Unknown)]
    [InlineData(FaultDomain.Host)]
    [InlineData(FaultDomain.Network)]
    [InlineData(FaultDomain.Storage)]
    public async Task A_lineage_of_hosts_replaces_where_another_host_can_do_better(FaultDomain domain)
    {
        var result = await Enumerable.Range(1, 9).AsLineage(domains: FaultRules.OfHosts)
            .Take(2).ForEachAsync(x => { if (x == 1) { throw new HypervisorException("broken", domain); } });
        Assert.Equal([2, 3], result.Items);
    }

    [Fact]
    public async Task What_was_done_to_a_failed_element_is_undone_last_deed_first()
    {
        List<string> done = [];
        var result = await Deploy(done).EvaluateAsync();
        Assert.Equal([1, 3], result.Items);
        Assert.Equal(
            ["define 1", "define 2", "start 1", "start 2", "stop 2", "undefine 2", "define 3", "start 3"], done);
    }

    [Fact]
    public async Task KeepFailed_keeps_the_debris()
    {
        List<string> done = [];
        await Deploy(done).EvaluateAsync(new LineageOptions { KeepFailed = true });
        Assert.DoesNotContain("undefine 2", done);
    }

    [Fact]
    public async Task After_an_undo_that_fails_nothing_takes_the_place_here_or_further_out()
    {
        LineageTrace? trace = null;
        var tried = 0;
        var thrown = await Assert.ThrowsAsync<CompensationFailedException>(
            () => new[] { "a", "b" }.AsLineage().Take(1).Select(async (_, _) =>
            await Enumerable.Range(1, 3).AsLineage().Take(1).ForEachAsync(
                (_, _) => { tried++; throw new InvalidOperationException("planned"); },
                (_, _) => throw new InvalidOperationException("no way back"),
                new LineageOptions { Traced = done => trace = done })).EvaluateAsync());
        Assert.Equal(1, tried);
        Assert.Equal(("planned", "no way back"), (thrown.Cause.Message, thrown.Undoing.Message));
        Assert.Contains("undo foreach 1: could not be undone: no way back", trace!.ToString(), StringComparison.Ordinal);
        Assert.Equal("no substitution: what was done could not be undone, and a substitute could be a second copy", trace.Steps[^1].Detail);
    }

    [Fact]
    public async Task A_candidate_that_is_turned_down_and_cannot_be_undone_is_the_last()
    {
        List<int> tried = [];
        var thrown = await Assert.ThrowsAsync<CompensationFailedException>(() => Enumerable.Range(1, 9).AsLineage().Take(2)
            .Select((x, _) => { tried.Add(x); return ValueTask.FromResult(x); }, (x, _) =>
                x == 3 ? throw new InvalidOperationException("no way back") : default)
            .Where(x => x != 3).ForEachAsync(x => Throw.If(x == 1)));
        Assert.Equal([1, 2, 3], tried);
        Assert.Equal("planned", thrown.Cause.Message);
    }

    [Fact]
    public async Task Cancellation_undoes_what_is_under_way_and_nothing_more_is_begun()
    {
        using var source = new CancellationTokenSource();
        List<int> begun = [], undone = [];
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Enumerable.Range(1, 9).AsLineage().Take(4).ForEachAsync(
            async (x, token) =>
            {
                begun.Add(x);
                if (x == 2)
                {
                    await source.CancelAsync();
                }

                token.ThrowIfCancellationRequested();
            },
            (x, _) => { undone.Add(x); return ValueTask.CompletedTask; },
            cancellationToken: source.Token));
        Assert.Equal([1, 2], begun);
        Assert.Equal([2], undone);
    }

    [Fact]
    public async Task A_synchronous_function_is_asked_about_no_further_element_after_a_cancellation()
    {
        using var source = new CancellationTokenSource();
        List<int> asked = [];
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Enumerable.Range(1, 9).AsLineage().Where(x =>
        {
            asked.Add(x);
            if (x == 2)
            {
                source.Cancel();
            }

            return true;
        }).EvaluateAsync(cancellationToken: source.Token));
        Assert.Equal([1, 2], asked);
    }

    [Fact]
    public async Task An_exhausted_inner_lineage_fails_the_outer_element_and_the_outer_one_takes_the_next()
    {
        var result = await new[] { "a", "b", "c" }.AsLineage(domains: FaultRules.OfHosts).Take(2).Select(
            async (host, token) => await Enumerable.Range(1, 3).AsLineage(domains: FaultRules.OfVMs).Take(1)
                .Select(vm => host == "a" ? throw new HypervisorException("broken", FaultDomain.VM) : $"{host}-{vm}")
                .FirstAsync(cancellationToken: token)).EvaluateAsync();
        Assert.Equal(["b-1", "c-1"], result.Items);
    }

    private static LineageList<int> Deploy(List<string> done)
    {
        return Enumerable.Range(1, 5).AsLineage().Take(2)
            .Select((x, _) => Do("define", x), async (x, _) => await Do("undefine", x))
            .Select(
                async (x, _) =>
                {
                    await Do("start", x);
                    Throw.If(x == 2);
                    return x;
                },
                async (x, _) => await Do("stop", x));

        ValueTask<int> Do(string what, int x)
        {
            done.Add($"{what} {x}");
            return ValueTask.FromResult(x);
        }
    }
}
