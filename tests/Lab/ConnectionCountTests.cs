using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Libvirt.Native;
using Xunit;

namespace Kumoi.Tests.Lab;

/// <summary>How many connections calls open: each is work for the daemon, and over ssh a login.</summary>
public sealed class ConnectionCountTests(RealLab lab) : LabTest(lab)
{
    /// <summary>Calls of a kind that run on a host at a time, each on a connection of its own.</summary>
    private const int AtATime = 4;

    protected override string? Obstacle => Lab.NetworkObstacle;

    protected override string UriOf(LabHost host) => host.TcpUri;

    [Theory]
    [InlineData("k1", "k3")]
    [InlineData("k2", "k4")]
    public async Task Calls_share_a_few_connections_and_so_do_migrations(string host, string target)
    {
        var vms = new List<KumoiVM>();
        foreach (var name in Enumerable.Range(0, AtATime + 1).Select(n => $"counted-{n}"))
        {
            vms.Add(await CreateAsync(Host(host), name, "idle", start: false));
        }

        var opened = ConnectionHandle.OpenedCount;
        for (var i = 0; i < 20; i++)
        {
            await VMsAsync(host);
        }

        Assert.Equal(0, ConnectionHandle.OpenedCount - opened);

        await Task.WhenAll(vms.Select(vm => VMActions.StartAsync(vm, paused: true, CancellationToken.None)));
        // One for changes was open before, and one for reads.
        Assert.InRange(ConnectionHandle.OpenedCount - opened, 1, 2 * (AtATime - 1));

        await Task.WhenAll(Enumerable.Range(0, 4 * AtATime).Select(_ => VMsAsync(host)));
        await Task.WhenAll(vms.Skip(1).Select(vm => VMActions.StopAsync(
            vm, turnOff: true, TimeSpan.Zero, TimeProvider.System, CancellationToken.None)));
        Assert.InRange(ConnectionHandle.OpenedCount - opened, 1, 2 * (AtATime - 1));

        await VMActions.ResumeAsync(vms[0], CancellationToken.None);
        opened = ConnectionHandle.OpenedCount;
        var moved = await VMActions.MoveAsync(vms[0], Host(target), new MigrationOptions(), null, CancellationToken.None);
        Assert.Equal(2, ConnectionHandle.OpenedCount - opened);

        moved = await VMActions.MoveAsync(moved, Host(host), new MigrationOptions(), null, CancellationToken.None);
        Assert.Equal(2, ConnectionHandle.OpenedCount - opened);

        await Lab.HurtAsync("kill-daemon", target);
        await Lab.MakeWellAsync(target);
        moved = await VMActions.MoveAsync(moved, Host(target), new MigrationOptions(), null, CancellationToken.None);
        Assert.Equal(target, moved.VMHost);
    }
}
