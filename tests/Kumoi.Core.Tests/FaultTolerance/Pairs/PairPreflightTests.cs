using System.Xml.Linq;
using Kumoi.FaultTolerance.Pairs;
using Xunit;

namespace Kumoi.Tests.FaultTolerance.Pairs;

/// <summary>Which VMs a pair refuses, because it could not keep its promise.</summary>
public sealed class PairPreflightTests
{
    private const string Socket = "/pairs/web/console.sock";

    private const string Console = """
        <serial type='unix'><source mode='connect' path='/pairs/web/console.sock'/><target type='isa-serial' port='0'/></serial>
        <console type='unix'><source mode='connect' path='/pairs/web/console.sock'/><target type='serial' port='0'/></console>
        """;

    private const string Disk = "<disk type='file' device='disk'><source file='/images/a'/><target dev='vda'/>{0}</disk>";

    [Fact]
    public void A_VM_whose_only_way_out_is_its_console_at_the_pair_can_be_protected() =>
        Assert.Empty(Judge(Console + string.Format(null, Disk, "<readonly/>")
            + "<disk device='cdrom'><target dev='sda'/></disk><controller type='pci'/><memballoon model='none'/><input type='mouse'/>"
            + "<audio id='1' type='none'/>"));

    [Theory]
    [InlineData("<interface type='bridge'><source bridge='br0'/><model type='virtio'/><driver name='qemu'/></interface>")]
    [InlineData("<interface type='network'><source network='default'/><model type='e1000'/></interface>")]
    public void A_network_card_whose_packets_go_through_QEMU_can_be_protected(string card) => Assert.Empty(Judge(Console + card));

    [Theory]
    [InlineData("<serial type='pty'><target port='1'/></serial>", "serial port 1")]
    [InlineData("<serial type='file'><source path='/var/log/web.serial'/><target port='0'/></serial>", "serial port 0")]
    [InlineData("<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>", "org.qemu.guest_agent.0")]
    [InlineData("<interface type='user'/>", "of the type 'user'")]
    [InlineData("<interface type='hostdev'/>", "of the type 'hostdev'")]
    [InlineData("<interface type='bridge'><mac address='52:54:00:00:00:01'/><model type='virtio'/></interface>", "52:54:00:00:00:01")]
    [InlineData("<interface type='network'><model type='virtio'/><driver name='vhost'/></interface>", "vhost")]
    [InlineData("<interface type='network'><model type='virtio'/><driver name='qemu' queues='4'/></interface>", "several queues")]
    [InlineData("<graphics type='vnc' port='5900' passwd='s3cret'/>", "screen")]
    [InlineData("<hostdev mode='subsystem' type='pci'/>", "hostdev")]
    [InlineData("<filesystem type='mount'/>", "filesystem")]
    [InlineData("<tpm model='tpm-crb'/>", "tpm")]
    [InlineData("<audio id='1' type='pulseaudio'/>", "audio")]
    [InlineData("<newthing/>", "newthing")]
    public void Another_way_out_is_refused_and_named(string device, string named)
    {
        var obstacle = Assert.Single(Judge(Console + device));

        Assert.Contains(named, obstacle.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cret", obstacle.ToString(), StringComparison.Ordinal);
        Assert.NotEmpty(obstacle.RecommendedAction);
    }

    [Fact]
    public void A_disk_that_the_VM_writes_to_is_refused() =>
        Assert.Contains("'vda'", Assert.Single(Judge(Console + string.Format(null, Disk, ""))).Message, StringComparison.Ordinal);

    [Fact]
    public void Two_serial_ports_at_one_socket_are_refused() => Assert.Single(Judge(Console + Console), obstacle =>
        obstacle.Message.StartsWith("More than one serial port", StringComparison.Ordinal));

    [Fact]
    public void A_VM_that_its_host_starts_at_boot_is_refused() => Assert.Contains(
        "at boot", Assert.Single(Judge(Console, isAutostart: true)).Message, StringComparison.Ordinal);

    private static List<PairObstacle> Judge(string devices, bool isAutostart = false) =>
        [.. PairPreflight.Judge(XElement.Parse($"<domain><devices>{devices}</devices></domain>"), isAutostart, Socket)];
}
