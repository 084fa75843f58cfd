using System.Runtime.InteropServices;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Libvirt.Connections;
using Xunit;

namespace Kumoi.Tests.Hypervisors.Libvirt.Definitions;

/// <summary>What libvirt keeps of a VM beside its definition: a saved state, snapshots, the autostart.</summary>
public sealed class SavedStateTests : LibvirtTest
{
    [Fact]
    public async Task A_saved_state_is_seen_and_gone_after_the_start_that_goes_on_from_it()
    {
        var link = await OpenNodeAsync(vmCount: 2);
        var vm = await SaveAsync(link, "vm0");

        Assert.True(vm is { HasSavedState: true, State: PowerState.Shutoff });
        Assert.Equal([true, false], (await link.SendAsync(new ReadVMs(), Deadline))
            .OrderBy(static each => each.Name, StringComparer.Ordinal).Select(static each => each.HasSavedState));

        await link.SendAsync(new StartVM(vm.Id, Paused: false), Deadline);
        Assert.False((await link.SendAsync(new FindVM(vm.Id), Deadline))!.HasSavedState);
    }

    [Fact]
    public async Task A_VM_with_a_saved_state_is_not_removed_before_that_is_thrown_away()
    {
        var link = await OpenNodeAsync(vmCount: 1);
        var vm = await SaveAsync(link, "vm0");

        await FailsAsync(HypervisorError.InvalidState, FaultDomain.VM, () => link.SendAsync(
            new UndefineVM(vm.Id, RemoveVolumes: true), Deadline).AsTask());
        Assert.True((await link.SendAsync(new FindVM(vm.Id), Deadline))!.HasSavedState);

        await link.SendAsync(new DiscardSavedState(vm.Id), Deadline);
        await link.SendAsync(new DiscardSavedState(vm.Id), Deadline); // nothing more to do
        await link.SendAsync(new UndefineVM(vm.Id, RemoveVolumes: false), Deadline);
        Assert.Null(await link.SendAsync(new FindVMByName("vm0"), Deadline));
    }

    [Fact]
    public async Task The_autostart_of_a_VM_is_read_and_comes_back_when_a_mark_that_knows_of_it_is_taken_off()
    {
        var link = await OpenNodeAsync(vmCount: 2);
        var vm = (await link.SendAsync(new FindVMByName("vm0"), Deadline))!;
        var mark = new SpeculationMark(OperationId.New(), IsStart: true, "k1", ["k2"], "");
        await link.SendAsync(new MarkVM(vm.Id, mark), Deadline);
        await link.SendAsync(new MarkVM(vm.Id, null), Deadline);
        Assert.False((await link.SendAsync(new FindVM(vm.Id), Deadline))!.IsAutostart);

        await link.SendAsync(new MarkVM(vm.Id, mark with { IsAutostart = true }), Deadline);
        Assert.False((await link.SendAsync(new FindVM(vm.Id), Deadline))!.IsAutostart);
        await link.SendAsync(new MarkVM(vm.Id, null), Deadline);

        Assert.True((await link.SendAsync(new FindVM(vm.Id), Deadline))!.IsAutostart);
        Assert.Equal(["vm0"], (await link.SendAsync(new ReadVMs(), Deadline)).Where(static each => each.IsAutostart)
            .Select(static each => each.Name));
        Assert.Empty(await link.SendAsync(new ReadMarked(), Deadline));
    }

    private async Task<VMReading> SaveAsync(IHypervisorLink link, string name)
    {
        Assert.Equal(0, await ((LibvirtLink)link).ReadAsync(
            connection =>
            {
                using var domain = connection.FindDomain(name)!;
                return virDomainManagedSave(domain.DangerousGetHandle(), 0);
            },
            Deadline));
        return (await link.SendAsync(new FindVMByName(name), Deadline))!;
    }

    [DllImport("libvirt.so.0")]
    private static extern int virDomainManagedSave(nint domain, uint flags);
}
