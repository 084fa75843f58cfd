using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Xunit;

namespace Kumoi.Tests.Hypervisors.Libvirt.Definitions;

/// <summary>Snapshots by libvirt, whose test driver keeps all of them within.</summary>
public sealed class SnapshotCallTests : LibvirtTest
{
    [Fact]
    public async Task Are_made_read_gone_back_to_and_removed()
    {
        var (link, id) = await OpenVMAsync();
        var first = await MakeAsync(link, id, "first");
        Assert.Equal((null, true, PowerState.Running), (first.Parent, first.IsCurrent, first.State));
        await MakeAsync(link, id, "second");
        await link.SendAsync(new DestroyVM(id), Deadline);
        await link.SendAsync(new RestoreSnapshot(id, first.Key, Starts: true), Deadline);
        Assert.Equal(PowerState.Running, (await link.SendAsync(new FindVM(id), Deadline))!.State);

        var read = await link.SendAsync(new ReadSnapshots(id), Deadline);
        Assert.Equal(
            [("first", null, true), ("second", "first", false)],
            read.OrderBy(one => one.Name, StringComparer.Ordinal).Select(one => (one.Name, one.Parent, one.IsCurrent)));
        await link.SendAsync(new RemoveSnapshot(id, first.Key), Deadline);
        var left = Assert.Single(await link.SendAsync(new ReadSnapshots(id), Deadline));
        Assert.Equal(("second", null), (left.Name, left.Parent));
    }

    [Fact]
    public async Task One_that_is_there_already_or_is_gone_or_is_another_by_now_is_told()
    {
        var (link, id) = await OpenVMAsync();
        var made = await MakeAsync(link, id, "one");
        await FailsAsync(HypervisorError.SnapshotExists, () => MakeAsync(link, id, "one"));
        var other = made.Key with { CreatedAt = made.CreatedAt.AddSeconds(-5) };
        foreach (var key in (SnapshotKey[])[other, made.Key with { Name = "none" }])
        {
            await FailsAsync(
                HypervisorError.SnapshotNotFound, () => link.SendAsync(new RestoreSnapshot(id, key, Starts: false), Deadline).AsTask());
            await FailsAsync(HypervisorError.SnapshotNotFound, () => link.SendAsync(new RenameSnapshot(id, key, "x"), Deadline).AsTask());
        }

        await FailsAsync(HypervisorError.SnapshotNotFound, () => link.SendAsync(new RemoveSnapshot(id, other), Deadline).AsTask());
        await link.SendAsync(new RemoveSnapshot(id, made.Key with { Name = "none" }), Deadline); // gone is gone
        Assert.Single(await link.SendAsync(new ReadSnapshots(id), Deadline));
        await FailsAsync(HypervisorError.VMNotFound, () => link.SendAsync(new ReadSnapshots(Guid.NewGuid()), Deadline).AsTask());
    }

    [Fact]
    public async Task Memory_of_a_VM_that_is_off_is_refused()
    {
        var (link, id) = await OpenVMAsync();
        await link.SendAsync(new DestroyVM(id), Deadline);
        await FailsAsync(HypervisorError.InvalidState, FaultDomain.VM, () => MakeAsync(link, id, "one"));
        Assert.Empty(await link.SendAsync(new ReadSnapshots(id), Deadline));
    }

    private async Task<(IHypervisorLink Link, Guid Id)> OpenVMAsync()
    {
        var link = await OpenNodeAsync(extra: "<domain type='test'><name>vm0</name><memory unit='MiB'>64</memory>"
            + "<os><type>hvm</type></os><devices>"
            + "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/images/a.qcow2'/><target dev='vda'/></disk>"
            + "</devices></domain>");
        return (link, (await link.SendAsync(new ReadVMs(), Deadline)).Single().Id);
    }

    private Task<SnapshotReading> MakeAsync(IHypervisorLink link, Guid id, string name) =>
        link.SendAsync(new CreateSnapshot(id, name, "", WithMemory: true), Deadline).AsTask();
}
