using System.Collections.Concurrent;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Xunit;

namespace Kumoi.Tests.Hypervisors.Simulated;

/// <summary>Disks, saved states and the autostart on simulated hosts: what is told is what a real host would tell.</summary>
public sealed class SimulatedDiskTests
{
    private readonly ConcurrentQueue<string> _warnings = new();

    [Fact]
    public async Task A_disk_that_another_VM_is_built_on_stays_and_the_warning_names_that_VM()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=1&vms=0");
        var original = await CreateAsync(
            lab, new VMSpec { Name = "base", Disks = [new DiskSpec { NewVolumeBytes = 1, Format = "qcow2" }] });
        await CreateAsync(lab,
            new VMSpec { Name = "clone", Disks = [new DiskSpec { TemplatePath = "/var/lib/libvirt/images/base-1", Format = "qcow2" }] });

        using (CallWarnings.Listen(_warnings.Enqueue))
        {
            await VMActions.RemoveAsync(original, turnOff: false, removeVolumes: true, CancellationToken.None);
        }

        Assert.Equal(["'/var/lib/libvirt/images/base-1' on kvm01 stays: the VM 'clone' uses it."], _warnings);
    }

    [Fact]
    public async Task Undoing_says_so_too()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=1&vms=0");
        var operation = OperationId.New();
        var link = lab.Host("kvm01").Link;
        await link.SendAsync(
            new DefineVM(
                new VMSpec { Name = "base", Disks = [new DiskSpec { NewVolumeBytes = 1 }, new DiskSpec { Path = "/isos/shared" }] })
            {
                Operation = operation
            }, CancellationToken.None);
        await CreateAsync(
            lab, new VMSpec
            {
                Name = "clone",
                Disks = [new DiskSpec { TemplatePath = "/var/lib/libvirt/images/base-1" }, new DiskSpec { Path = "/isos/shared" }]
            });

        using (CallWarnings.Listen(_warnings.Enqueue))
        {
            Assert.True(await link.SendAsync(new UndoDefineVM(operation), CancellationToken.None));
        }

        Assert.Contains("the VM 'clone' uses it", Assert.Single(_warnings), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_VM_of_its_own_disks_goes_without_a_word()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=1&vms=2");
        var vm = await CreateAsync(lab, new VMSpec { Name = "web", Disks = [new DiskSpec { NewVolumeBytes = 1, Format = "qcow2" }] });

        using (CallWarnings.Listen(_warnings.Enqueue))
        {
            await VMActions.RemoveAsync(vm, turnOff: false, removeVolumes: true, CancellationToken.None);
        }

        Assert.Empty(_warnings);
    }

    [Fact]
    public async Task A_saved_state_is_lost_by_force_only_and_a_start_goes_on_from_it()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=1&vms=0");
        var vm = await CreateAsync(lab, new VMSpec { Xml = Xml("saved", "savedState='yes'") });
        Assert.True(vm.HasSavedState);

        var failure = await Assert.ThrowsAsync<HypervisorException>(
            () => VMActions.RemoveAsync(vm, turnOff: false, removeVolumes: false, CancellationToken.None));
        Assert.Equal((HypervisorError.InvalidState, FaultDomain.VM), (failure.Error, failure.FaultDomain));
        Assert.Contains("-Force", failure.RecommendedAction, StringComparison.Ordinal);
        Assert.False((await VMActions.StartAsync(vm, paused: false, CancellationToken.None)).HasSavedState);

        var other = await CreateAsync(lab, new VMSpec { Xml = Xml("other", "savedState='yes'") });
        using (CallWarnings.Listen(_warnings.Enqueue))
        {
            await VMActions.RemoveAsync(other, turnOff: true, removeVolumes: false, CancellationToken.None);
        }

        Assert.Contains("was thrown away", Assert.Single(_warnings), StringComparison.Ordinal);
        Assert.DoesNotContain(await lab.VMsAsync("kvm01"), each => each.Name is "other");
    }

    [Fact]
    public async Task A_saved_VM_with_disks_of_its_own_is_not_cloned()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=1&vms=0");
        var master = await CreateAsync(
            lab, new VMSpec { Xml = Xml("saved", "savedState='yes'", "<devices><disk type='file'><source file='/a'/></disk></devices>") });

        var failure = await Assert.ThrowsAsync<HypervisorException>(
            () => VMActions.CloneAsync(
                master, lab.Host("kvm01"), "clone", start: false, change: null, OperationId.New(), CancellationToken.None));

        Assert.Equal((HypervisorError.InvalidState, FaultDomain.VM), (failure.Error, failure.FaultDomain));
    }

    [Fact]
    public async Task The_autostart_moves_with_the_VM()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=2&vms=0");
        var vm = await CreateAsync(lab, new VMSpec { Xml = Xml("web", "autostart='yes'") });
        await VMActions.StartAsync(vm, paused: false, CancellationToken.None);

        Assert.True((await VMActions.MoveAsync(vm, lab.Host("kvm02"), new MigrationOptions(), null, CancellationToken.None)).IsAutostart);
    }

    [Fact]
    public async Task A_screen_that_listens_at_an_address_of_one_host_makes_the_move_a_failure_of_the_VM()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=2&vms=0");
        var vm = await CreateAsync(
            lab, new VMSpec
            {
                Xml = Xml("web", "cpuLoad='0.1'", "<devices><graphics type='vnc'><listen type='address' "
                + "address='192.0.2.7'/></graphics></devices>")
            });
        await VMActions.StartAsync(vm, paused: false, CancellationToken.None);

        var failure = await Assert.ThrowsAsync<HypervisorException>(
            () => VMActions.MoveAsync(vm, lab.Host("kvm02"), new MigrationOptions(), null, CancellationToken.None));

        Assert.Equal(FaultDomain.VM, failure.FaultDomain);
        Assert.Contains("192.0.2.7", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a\u0001b")]
    [InlineData("a\nb")]
    [InlineData("a\u009bb")]
    [InlineData("a/b")]
    public async Task A_name_with_control_characters_is_a_bad_specification(string name)
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=1&vms=0");

        var failure = await Assert.ThrowsAsync<HypervisorException>(() => CreateAsync(lab, new VMSpec { Name = name }));

        Assert.Equal((HypervisorError.InvalidSpecification, FaultDomain.VM), (failure.Error, failure.FaultDomain));
        Assert.DoesNotContain(failure.Message, char.IsControl);
    }

    [Theory]
    [InlineData("<memory unit='gib'>2</memory>", 2L << 30)]
    [InlineData("<memory unit='TB'>1</memory>", 1_000_000_000_000)]
    public async Task Memory_is_read_as_libvirt_reads_it(string memory, long bytes)
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=1&vms=0");

        var vm = await CreateAsync(lab, new VMSpec { Xml = $"<domain><name>web</name>{memory}<vcpu>1</vcpu></domain>" });

        Assert.Equal(bytes, vm.MemoryBytes);
    }

    private static Task<KumoiVM> CreateAsync(LabFleet lab, VMSpec spec) =>
        VMActions.CreateAsync(lab.Host("kvm01"), spec, start: false, keepFailed: false, OperationId.New(), CancellationToken.None);

    private static string Xml(string name, string traits, string devices = "") =>
        $"<domain type='simulated'><name>{name}</name><memory unit='GiB'>1</memory><vcpu>1</vcpu><metadata><k:simulated "
            + $"xmlns:k='https://kumoi.dev/xmlns/1' {traits}/></metadata>{devices}</domain>";
}
