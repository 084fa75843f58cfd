using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Xunit;

namespace Kumoi.Tests.Hypervisors.Libvirt.Migrations;

/// <summary>What a target tells of the images of a VM that is to come. The test driver migrates nothing, but it answers.</summary>
public sealed class MigrationTargetTests : LibvirtTest
{
    [Fact]
    public async Task An_ISO_whose_directory_is_a_pool_there_that_has_it_not_is_missing_and_named()
    {
        var found = Assert.Single(
            await CheckAsync("<disk type='file' device='cdrom'><source file='/images//cd.iso'/><target dev='hda'/><readonly/></disk>"));

        Assert.True(found.IsFatal);
        Assert.Equal(MigrationObstacleKind.Storage, found.Kind);
        Assert.Contains("'/images//cd.iso', which 'web' has in a drive or as a disk, is missing", found.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_drive_that_may_be_empty_is_only_warned_of()
    {
        var found = Assert.Single(await CheckAsync(
            "<disk type='file' device='cdrom'><source file='/images/cd.iso' startupPolicy='optional'/><target "
                + "dev='hda'/><readonly/></disk>"));

        Assert.False(found.IsFatal);
        Assert.Contains("the drive will be empty there", found.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_no_pool_tells_it_cannot_be_known()
    {
        var found = Assert.Single(await CheckAsync("<disk type='file'><source file='/images/deeper/cd.iso'/><target dev='hda'/></disk>"));

        Assert.False(found.IsFatal);
        Assert.Contains("it is not known whether the VM finds it there", found.Message, StringComparison.Ordinal);
    }

    private async Task<IReadOnlyList<MigrationObstacle>> CheckAsync(string disk)
    {
        var link = await OpenNodeAsync();
        var host = await link.SendAsync(new ReadHost(IncludeVMs: false), Deadline);
        var all = await link.SendAsync(new CheckMigrationTarget(new MigrationNeeds
        {
            VM = new VMReading { CapturedAt = host.CapturedAt, Id = Guid.NewGuid(), Name = "web", State = PowerState.Running },
            Definition = $"<domain type='test'><name>web</name><devices>{disk}</devices></domain>",
            HypervisorType = host.HypervisorType,
            HostId = "another",
            Obstacles = [],
        }), Deadline);
        return [.. all.Where(static obstacle => obstacle.Kind is MigrationObstacleKind.Storage)];
    }
}
