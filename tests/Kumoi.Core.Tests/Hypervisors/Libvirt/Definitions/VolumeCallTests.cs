using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Xunit;

namespace Kumoi.Tests.Hypervisors.Libvirt.Definitions;

/// <summary>Storage pools and volumes by libvirt's test driver.</summary>
public sealed class VolumeCallTests : LibvirtTest
{
    private const long MiB = 1L << 20;

    [Fact]
    public async Task Volumes_are_made_read_and_removed_in_pools_that_are_read()
    {
        var link = await OpenNodeAsync();
        var pool = Assert.Single(await link.SendAsync(new ReadStorage(), Deadline));
        Assert.Equal(("default", "dir", true, "/images"), (pool.Name, pool.Type, pool.IsActive, pool.Path));
        Assert.True(pool.CapacityBytes > 0 && pool.FreeBytes <= pool.CapacityBytes);

        var made = await link.SendAsync(new CreateVolume("default", "data", "qcow2", 64 * MiB), Deadline);
        Assert.Equal(("default", "data", "/images/data", 64 * MiB), (made.Pool, made.Name, made.Path, made.CapacityBytes));
        Assert.Equal([made], await link.SendAsync(new ReadVolumes("default"), Deadline));
        await link.SendAsync(new RemoveVolume("default", "data"), Deadline);
        await link.SendAsync(new RemoveVolume("default", "data"), Deadline); // gone is gone
        Assert.Empty(await link.SendAsync(new ReadVolumes("default"), Deadline));
    }

    [Fact]
    public async Task What_is_missing_there_already_in_use_or_too_big_to_shrink_is_refused()
    {
        var link = await OpenNodeAsync(
            volumes: "<volume type='file'><name>used</name><capacity unit='MiB'>8</capacity>"
                + "<target><path>/images/used</path></target></volume>",
            extra: "<domain type='test'><name>vm0</name><memory unit='MiB'>64</memory><os><type>hvm</type></os><devices>"
                + "<disk type='file' device='disk'><source file='/images/used'/><target dev='vda'/></disk></devices></domain>");
        await FailsAsync(
            HypervisorError.StorageFailed, () => link.SendAsync(new CreateVolume("default", "used", "raw", MiB), Deadline).AsTask());
        await FailsAsync(HypervisorError.StorageFailed, () => link.SendAsync(new CreateVolume("none", "x", "raw", MiB), Deadline).AsTask());
        await FailsAsync(HypervisorError.StorageFailed, () => link.SendAsync(new ReadVolumes("none"), Deadline).AsTask());
        await FailsAsync(HypervisorError.StorageFailed, () => link.SendAsync(new ResizeVolume("default", "none", MiB), Deadline).AsTask());
        await FailsAsync(
            HypervisorError.InvalidSpecification, () => link.SendAsync(new ResizeVolume("default", "used", MiB), Deadline).AsTask());
        var inUse = await FailsAsync(
            HypervisorError.InvalidState, () => link.SendAsync(new ResizeVolume("default", "used", 16 * MiB), Deadline).AsTask());
        Assert.Contains("'vm0' uses it", inUse.Message, StringComparison.Ordinal);
        await FailsAsync(HypervisorError.InvalidState, () => link.SendAsync(new RemoveVolume("default", "used"), Deadline).AsTask());
        Assert.Single(await link.SendAsync(new ReadVolumes("default"), Deadline));
    }
}
