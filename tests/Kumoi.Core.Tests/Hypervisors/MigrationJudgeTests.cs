using System.Xml.Linq;
using Kumoi.Hypervisors;
using Xunit;
using Kind = Kumoi.Hypervisors.MigrationObstacleKind;

namespace Kumoi.Tests.Hypervisors;

/// <summary>What a VM's definition tells of its migration.</summary>
public sealed class MigrationJudgeTests
{
    [Theory]
    [InlineData("<hostdev mode='subsystem' type='pci' managed='yes'><source><address bus='6'/></source></hostdev>")]
    [InlineData("<hostdev mode='subsystem' type='mdev' model='vfio-pci'/>")]
    [InlineData("<hostdev mode='subsystem' type='scsi_host'/>")]
    [InlineData("<hostdev mode='capabilities' type='misc'/>")]
    [InlineData("<interface type='hostdev' managed='yes'><mac address='52:54:00:6d:90:02'/></interface>")]
    [InlineData("<interface type='vdpa'><source dev='/dev/vhost-vdpa-0'/></interface>")]
    [InlineData("<filesystem type='mount'><driver type='virtiofs'/><source dir='/srv'/><target dir='share'/></filesystem>")]
    [InlineData("<shmem name='shared'><model type='ivshmem-plain'/></shmem>")]
    [InlineData("<shmem name='shared' role='peer'/>")]
    [InlineData("<memory model='virtio-pmem'/>")]
    [InlineData("<tpm model='tpm-tis'><backend type='passthrough'/></tpm>")]
    [InlineData("<disk type='file'><driver name='qemu' type='vmdk'/><source file='/a.vmdk'/><target dev='vda'/></disk>")]
    [InlineData("<disk type='file'><driver name='qemu' type='qcow2'/><source file='/a'/><target dev='vda'/><transient/></disk>")]
    public void Its_state_cannot_be_sent(string device) => Assert.Equal((Kind.Device, true), Only(device));

    [Theory]
    [InlineData("<hostdev mode='subsystem' type='usb'/>")]
    [InlineData("<hostdev mode='subsystem' type='scsi'/>")]
    [InlineData("<interface type='vhostuser'><source type='unix' path='/run/vhost' mode='client'/></interface>")]
    [InlineData("<filesystem type='mount'><source dir='/srv'/><target dir='share'/></filesystem>")]
    [InlineData("<memory model='nvdimm'><source><path>/nv</path></source></memory>")]
    [InlineData("<disk type='vhostuser' device='disk'><target dev='vda'/></disk>")]
    public void It_goes_well_as_a_rule(string device) => Assert.Equal((Kind.Device, false), Only(device));

    [Theory]
    [InlineData("<hostdev mode='subsystem' type='pci'><teaming type='transient' persistent='ua-1'/></hostdev>")]
    [InlineData("<interface type='hostdev'><teaming type='transient' persistent='ua-1'/></interface>")]
    [InlineData("<interface type='bridge'><source bridge='br0'/></interface>")]
    [InlineData("<shmem name='shared' role='master'/>")]
    [InlineData("<memory model='dimm'/>")]
    [InlineData("<tpm model='tpm-crb'><backend type='emulator'/></tpm>")]
    [InlineData("<disk type='file'><driver name='qemu' type='qcow2'/><source file='/a'/><target dev='vda'/></disk>")]
    [InlineData("<graphics type='vnc' passwd='secret'/>")]
    public void Nothing_is_in_the_way(string device) => Assert.Empty(MigrationJudge.JudgeVM(Domain($"<devices>{device}</devices>")));

    [Fact]
    public void A_block_job_keeps_the_VM_busy() =>
        Assert.Equal(
            (Kind.Busy, true), Only("<disk type='file'><source file='/a'/><target dev='vda'/><mirror type='file' job='copy'/></disk>"));

    [Theory]
    [InlineData("<launchSecurity type='sev'><dhCert>secret</dhCert></launchSecurity>", true)]
    [InlineData("<cpu mode='host-passthrough'><feature policy='require' name='invtsc'/></cpu>", true)]
    [InlineData("<cpu mode='host-passthrough' migratable='off'/>", false)]
    public void Of_the_CPU_and_the_memory(string element, bool isFatal)
    {
        var obstacle = Assert.Single(MigrationJudge.JudgeVM(Domain(element)));
        Assert.Equal((Kind.Device, isFatal), (obstacle.Kind, obstacle.IsFatal));
    }

    [Fact]
    public void With_a_TSC_frequency_an_invariant_TSC_can_be_migrated() => Assert.Empty(MigrationJudge.JudgeVM(Domain(
        "<cpu><feature policy='require' name='invtsc'/></cpu><clock offset='utc'><timer name='tsc' frequency='3000000000'/></clock>")));

    [Fact]
    public void What_a_target_must_have_is_found_once_each()
    {
        var domain = Domain(
            """
            <devices>
              <interface type='network'><source network='lan' portid='1' bridge='virbr0'/></interface>
              <interface type='bridge'><source network='lan' bridge='br1'/></interface>
              <interface type='bridge'><source bridge='br0'/></interface>
              <interface type='direct'><source dev='eth1' mode='bridge'/></interface>
              <interface type='user'/>
              <disk type='volume'><source pool='fast' volume='web-1'/></disk>
              <disk type='file'><source file='/srv/web'/></disk>
              <disk type='block'><source dev='/dev/san/web'/></disk>
              <disk type='network'><source protocol='rbd' name='pool/web'/></disk>
              <disk type='file' device='cdrom'/>
              <disk type='file'><source file='/srv/web'/></disk>
            </devices>
            """);
        Assert.Equal(["lan"], MigrationJudge.Networks(domain));
        Assert.Equal(["br0", "eth1"], MigrationJudge.HostInterfaces(domain));
        Assert.Equal(["/srv/web", "/dev/san/web"], MigrationJudge.Images(domain, []));
        Assert.Equal([("fast", "web-1")], MigrationJudge.Volumes(domain));
    }

    [Fact]
    public void Messages_tell_no_secrets()
    {
        var domain = Domain(
            """
            <devices>
              <graphics type='vnc' passwd='secret'/>
              <hostdev mode='subsystem' type='scsi'><source protocol='iscsi' name='secret'><auth username='secret'/></source></hostdev>
              <hostdev mode='subsystem' type='pci'/>
              <disk type='network'><driver type='vmdk'/>
                <source protocol='https' name='secret' query='secret'><auth username='secret'/></source><target dev='vda'/></disk>
            </devices>
            <launchSecurity type='sev'><session>secret</session></launchSecurity>
            """);
        var told = MigrationJudge.JudgeVM(domain).ToList();
        Assert.Equal(4, told.Count);
        Assert.DoesNotContain(told, obstacle => obstacle.ToString().Contains("secret", StringComparison.Ordinal));
    }

    [Fact]
    public void An_older_target_is_a_warning_and_an_unknown_version_nothing()
    {
        var old = MigrationJudge.JudgeVersion("QEMU", new Version(7, 2, 0), new Version(6, 2, 0), "kvm2");
        Assert.Equal((Kind.Version, false), (old!.Kind, old.IsFatal));
        Assert.Null(MigrationJudge.JudgeVersion("QEMU", new Version(7, 2, 0), new Version(7, 2, 0), "kvm2"));
        Assert.Null(MigrationJudge.JudgeVersion("QEMU", null, new Version(6, 2, 0), "kvm2"));
    }

    [Theory]
    [InlineData("<graphics type='vnc' port='5900' listen='10.77.0.1'><listen type='address' address='10.77.0.1'/></graphics>", "10.77.0.1")]
    [InlineData("<graphics type='spice' listen='2001:db8::1'/>", "2001:db8::1")]
    [InlineData("<graphics type='vnc'><listen type='address' address='fe80::1'/></graphics>", "fe80::1")]
    [InlineData("<serial type='tcp'><source mode='bind' host='10.77.0.1' service='4555'/></serial>", "10.77.0.1")]
    [InlineData("<console type='udp'><source mode='bind' host='192.0.2.7' service='1'/><source mode='connect' host='192.0.2.8' "
        + "service='2'/></console>", "192.0.2.7")]
    [InlineData("<interface type='server'><source address='192.0.2.7' port='5558'/></interface>", "192.0.2.7")]
    [InlineData("<interface type='udp'><source address='192.0.2.8' port='1'><local address='192.0.2.7' port='2'/></source></interface>", "192.0.2.7")]
    public void An_address_of_one_host_at_which_the_VM_listens_is_in_the_way_and_named(string device, string address)
    {
        var obstacle = Assert.Single(MigrationJudge.JudgeListening(Domain($"<devices>{device}</devices>").ToString()));

        Assert.Equal((Kind.Address, true), (obstacle.Kind, obstacle.IsFatal));
        Assert.Contains($"'{address}'", obstacle.Message, StringComparison.Ordinal);
        Assert.Equal(FaultDomain.VM, obstacle.ToException(FaultDomain.VM).FaultDomain);
    }

    [Theory]
    [InlineData("<graphics type='vnc'><listen type='address' address='0.0.0.0'/></graphics>")]
    [InlineData("<graphics type='vnc'><listen type='address' address='127.0.0.1'/></graphics>")]
    [InlineData("<graphics type='vnc'><listen type='address' address='::'/></graphics>")]
    [InlineData("<graphics type='spice' listen='localhost'/>")]
    [InlineData("<graphics type='vnc' autoport='yes'><listen type='address'/></graphics>")]
    [InlineData("<graphics type='vnc' listen='10.77.0.1'><listen type='network' network='lan' address='10.77.0.1'/></graphics>")]
    [InlineData("<graphics type='vnc'><listen type='socket' socket='/run/x'/></graphics>")]
    [InlineData("<serial type='tcp'><source mode='connect' host='10.77.0.1' service='4555'/></serial>")]
    [InlineData("<interface type='mcast'><source address='230.0.0.1' port='5558'/></interface>")]
    public void Addresses_that_every_host_has_are_not_in_the_way(string device) =>
        Assert.Empty(MigrationJudge.JudgeListening(Domain($"<devices>{device}</devices>").ToString()));

    [Fact]
    public void A_name_at_which_the_VM_listens_is_a_warning() => Assert.False(
        Assert.Single(MigrationJudge.JudgeListening(Domain("<devices><graphics type='vnc' listen='console-net'/></devices>").ToString())).IsFatal);

    [Fact]
    public void The_files_that_a_disk_is_built_on_are_needed_too() => Assert.Equal(
        ["/a/top", "/a/base"],
        MigrationJudge.Images(Domain(
            "<devices><disk type='file'><source file='/a/top'/><backingStore type='file'><source "
                + "file='/a/base'/><backingStore/></backingStore></disk></devices>"), []));

    private static (Kind Kind, bool IsFatal) Only(string device)
    {
        var obstacle = Assert.Single(MigrationJudge.JudgeVM(Domain($"<devices>{device}</devices>")));
        return (obstacle.Kind, obstacle.IsFatal);
    }

    private static XElement Domain(string content) => XElement.Parse($"<domain type='kvm'><name>web</name>{content}</domain>");
}
