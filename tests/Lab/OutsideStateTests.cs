using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Xunit;

namespace Kumoi.Tests.Lab;

/// <summary>What libvirt keeps of a VM outside of its definition, when the VM moves.</summary>
public sealed class OutsideStateTests(RealLab lab) : SpeculationFaultTest(lab)
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_autostart_that_the_owner_set_stays_set_after_a_move_there_and_back(bool isPeerToPeer)
    {
        var vm = await CreateAsync(Host("k1"), VM, "idle");
        await Lab.ExecuteAsync("k1", "virsh", "-q", "autostart", VM);

        var there = await VMActions.MoveAsync(
            vm, Host("k2"), new MigrationOptions { PeerToPeer = isPeerToPeer }, null, CancellationToken.None);
        Assert.True(there.IsAutostart);
        Assert.Equal([VM], await AutostartedAsync("k2"));

        var back = await VMActions.MoveAsync(
            there, Host("k1"), new MigrationOptions { PeerToPeer = isPeerToPeer }, null, CancellationToken.None);
        Assert.True(back.IsAutostart);
        Assert.Equal([VM], await AutostartedAsync("k1"));
        Assert.Empty(await AutostartedAsync("k2"));
    }

    [Fact]
    public async Task One_that_was_not_set_is_not_set_afterwards_although_an_old_definition_on_the_target_had_it()
    {
        var vm = await CreateAsync(Host("k1"), VM, "idle");
        var definition = await vm.Connection.Link.SendAsync(new ReadDefinition(vm.Id), CancellationToken.None);
        await Host("k2").Link.SendAsync(new DefineVM(new VMSpec { Xml = definition }), CancellationToken.None);
        await Lab.ExecuteAsync("k2", "virsh", "-q", "autostart", VM);

        Assert.False((await VMActions.MoveAsync(vm, Host("k2"), new MigrationOptions(), null, CancellationToken.None)).IsAutostart);
        Assert.Empty(await AutostartedAsync("k2"));
    }

    [Fact]
    public async Task The_winner_of_a_migration_to_several_hosts_has_it()
    {
        var vm = await CreateAsync(Host("k1"), VM, "idle");
        await Lab.ExecuteAsync("k1", "virsh", "-q", "autostart", VM);

        var result = await MigrateAsync(vm, ["k2", "k3"]);

        Assert.Equal([VM], await AutostartedAsync(result.VM.VMHost));
        Assert.Empty(await AutostartedAsync("k1"));
    }

    private async Task<string[]> AutostartedAsync(string host) =>
        (await Lab.ExecuteAsync(host, "virsh", "-q", "list", "--all", "--name", "--autostart"))
            .Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}
