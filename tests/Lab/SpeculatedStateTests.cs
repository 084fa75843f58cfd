using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Speculation;
using Xunit;

namespace Kumoi.Tests.Lab;

/// <summary>A VM that is migrated to several targets at once stays what it was: transient, paused, or strictly one.</summary>
public sealed class SpeculatedStateTests(RealLab lab) : SpeculationFaultTest(lab)
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_transient_VM_stays_transient(bool fails)
    {
        var vm = await StartAsync("warm");
        await Lab.ExecuteAsync("k1", "virsh", "undefine", VM);
        var before = Lab.Counter("k1", VM)!.Value;
        if (fails)
        {
            RefuseToFinish();
        }

        var failure = await Record.ExceptionAsync(() => MigrateAsync(vm, ["k2", "k3"]));

        Assert.Equal(fails, failure is SpeculationFailedException);
        var at = fails ? "k1" : FirstTried("finish");
        await EndsOnlyOnAsync(at, before);
        Assert.False((await Host(at).Link.SendAsync(new FindVM(vm.Id), CancellationToken.None))!.IsPersistent);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    public async Task A_VM_that_somebody_has_paused_stays_paused(bool fails, bool isStrict)
    {
        var vm = await StartAsync("warm");
        await Host("k1").Link.SendAsync(new SuspendVM(vm.Id), CancellationToken.None);
        var before = Lab.Counter("k1", VM)!.Value;
        if (fails)
        {
            RefuseToFinish();
        }

        var failure = await Record.ExceptionAsync(() => MigrateAsync(vm, ["k2", "k3"], options => options with { IsStrict = isStrict }));

        Assert.Equal(fails, failure is SpeculationFailedException);
        var at = fails ? "k1" : FirstTried("finish");
        Assert.Equal(VMWhereabouts.Paused, await PlaceAsync(at));
        await Host(at).Link.SendAsync(new ResumeVM(vm.Id), CancellationToken.None);
        await EndsOnlyOnAsync(at, before);
    }

    [Fact]
    public async Task A_strict_winner_runs_once_the_source_has_given_it_up()
    {
        var vm = await StartAsync("warm");
        var before = Lab.Counter("k1", VM)!.Value;
        var atConfirm = VMWhereabouts.Unknown;
        OnAsync("confirm", async _ => atConfirm = await PlaceAsync(FirstTried("finish")));

        var result = await MigrateAsync(vm, ["k2", "k3"], options => options with { IsStrict = true });

        Assert.Equal((VMWhereabouts.Paused, PowerState.Running), (atConfirm, result.VM.State));
        await EndsOnlyOnAsync(result.VM.VMHost, before);
    }

    [Fact]
    public async Task A_strict_winner_whose_source_has_died_stays_paused_until_the_source_is_known_to_have_nothing()
    {
        var vm = await StartAsync("warm");
        var before = Lab.Counter("k1", VM)!.Value;
        OnAsync("confirm", _ => Lab.HurtAsync("power-off", "k1"));

        var failure = await IsUndecidedAsync(MigrateAsync(vm, ["k2"], options => options with { IsStrict = true }));

        Assert.Contains("has moved to k2, stays paused there, and k1 did not confirm it", failure.Message, StringComparison.Ordinal);
        Assert.Equal(VMWhereabouts.Paused, await PlaceAsync("k2"));
        await IsNotRepairedAsync();
        Assert.Equal(VMWhereabouts.Paused, await PlaceAsync("k2"));
        await Lab.MakeWellAsync("k1");
        Assert.Equal("k2", (await RepairAsync()).VMHost);
        await EndsOnlyOnAsync("k2", before);
    }
}
