using System.Xml.Linq;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Faults;
using Xunit;

namespace Kumoi.Tests.Fleets;

/// <summary>VMs made from the definitions of others, on simulated hosts.</summary>
public sealed class CloneTests : IAsyncLifetime
{
    private const string Shared = """
        <disk type='file' device='cdrom'><source file='/images/setup.iso'/><target dev='hda'/></disk>
        <disk type='file'><source file='/images/base.qcow2'/><target dev='vda'/><readonly/></disk>
        """;

    private const string Own = """
        <disk type='file'><source file='/images/root.qcow2'/><target dev='vdb'/></disk>
        <disk type='block'><source dev='/dev/vg/data'/><target dev='vdc'/></disk>
        """;

    private LabFleet _lab = null!;

    private KumoiConnection One => _lab.Host("kvm01");

    private KumoiConnection Two => _lab.Host("kvm02");

    public async ValueTask InitializeAsync() => _lab = await LabFleet.ConnectAsync("sim://lab?hosts=2&vms=1&running=1&seed=7");

    public ValueTask DisposeAsync() => _lab.DisposeAsync();

    [Fact]
    public async Task A_clone_is_like_its_master_and_a_VM_of_its_own()
    {
        var master = new KumoiVM(One, (await _lab.VMsAsync("kvm01"))[0]);
        Assert.Equal(PowerState.Running, master.State);

        var clone = await CloneAsync(master, One, start: true);

        Assert.Equal(("clone", PowerState.Running, "kvm01"), (clone.Name, clone.State, clone.VMHost));
        Assert.Equal((master.MemoryBytes, master.CpuCount, master.CpuRatio), (clone.MemoryBytes, clone.CpuCount, clone.CpuRatio));
        Assert.NotEqual(master.Id, clone.Id);
        Assert.Equal(PowerState.Shutoff, (await CloneAsync(master, One, name: "other")).State);
    }

    [Fact]
    public async Task Without_disks_of_its_own_a_running_VM_is_cloned_to_any_host()
    {
        var master = await DefineAsync(Shared, start: true);
        var clone = await CloneAsync(master, Two, start: true);
        Assert.Equal(("kvm02", PowerState.Running), (clone.VMHost, clone.State));
        Assert.Equal(["/images/base.qcow2", "/images/setup.iso"], (await ImagesAsync(clone)).Order());
    }

    [Fact]
    public async Task Disks_that_it_writes_to_are_copied_on_its_own_host()
    {
        var clone = await CloneAsync(await DefineAsync(Shared + Own), One, start: true);
        Assert.Equal(["/dev/vg/clone-2", "/images/base.qcow2", "/images/clone-1", "/images/setup.iso"], (await ImagesAsync(clone)).Order());
    }

    [Fact]
    public async Task To_another_host_they_cannot_be_copied_and_no_third_host_could_help()
    {
        var master = await DefineAsync(Own);
        var failure = await FailsAsync(HypervisorError.InvalidSpecification, () => CloneAsync(master, Two));
        Assert.Contains("kvm01", failure.RecommendedAction, StringComparison.Ordinal);
    }

    [Fact]
    public async Task When_its_masters_host_is_out_of_reach_no_target_could_help()
    {
        var master = await DefineAsync(Shared);
        _lab.Break("kvm01", FaultOperation.Read, FaultDomain.Host, count: 1);
        var failure = await FailsAsync(HypervisorError.Other, () => CloneAsync(master, Two));
        Assert.Contains("kvm01", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task While_it_may_write_to_them_they_are_not_copied(bool paused)
    {
        var master = await DefineAsync(Own, start: true);
        if (paused)
        {
            await One.Link.SendAsync(new SuspendVM(master.Id), default);
        }

        await FailsAsync(HypervisorError.InvalidState, () => CloneAsync(master, One));
    }

    [Fact]
    public async Task Copies_are_thrown_away_if_the_master_was_started_meanwhile()
    {
        var master = await DefineAsync(Own);
        Hold(FaultOperation.Define, TimeSpan.FromSeconds(30));
        var cloning = CloneAsync(master, One, start: true);
        await One.Link.SendAsync(new StartVM(master.Id), default);
        _lab.Time.Advance(TimeSpan.FromSeconds(30));
        await FailsAsync(HypervisorError.InvalidState, () => cloning);
    }

    [Fact]
    public async Task Copying_takes_as_long_as_it_takes()
    {
        var master = await DefineAsync(Own);
        Hold(FaultOperation.Define, TimeSpan.FromHours(5));
        var cloning = CloneAsync(master, One);
        _lab.Time.Advance(TimeSpan.FromHours(5));
        Assert.Equal("clone", (await cloning).Name);
    }

    [Fact]
    public async Task A_disk_that_is_no_file_cannot_be_copied()
    {
        var master = await DefineAsync("<disk type='network'><source protocol='rbd' name='pool/image'/><target dev='vda'/></disk>");
        await FailsAsync(HypervisorError.InvalidSpecification, () => CloneAsync(master, One));
    }

    [Fact]
    public async Task Only_disks_of_XML_can_be_copied() => await FailsAsync(
        HypervisorError.InvalidSpecification,
        () => One.Link.SendAsync(new DefineVM(new VMSpec { Name = "clone", CopyDisks = true }), default).AsTask());

    [Fact]
    public async Task A_clone_that_does_not_start_is_removed()
    {
        var master = await DefineAsync(Own);
        _lab.Break("kvm01", FaultOperation.Start, FaultDomain.Host);
        Assert.Equal(
            FaultDomain.Host, (await Assert.ThrowsAsync<HypervisorException>(() => CloneAsync(master, One, start: true))).FaultDomain);
        Assert.Null(await One.Link.SendAsync(new FindVMByName("clone"), default));
    }

    [Fact]
    public async Task A_clone_whose_definition_was_never_answered_is_removed()
    {
        var master = await DefineAsync(Own);
        _lab.Faults.Add(
            new FaultRule { HostMatches = static _ => true, HostPattern = "*", Operation = FaultOperation.Define, OutcomeUnknown = true });
        Assert.False((await Assert.ThrowsAsync<HypervisorException>(() => CloneAsync(master, One))).OutcomeUnknown);
        Assert.Null(await One.Link.SendAsync(new FindVMByName("clone"), default));
    }

    [Fact]
    public async Task A_cancelled_clone_leaves_nothing()
    {
        var master = await DefineAsync(Own);
        Hold(FaultOperation.Start, TimeSpan.FromSeconds(30));
        using var source = new CancellationTokenSource();
        var cloning = CloneAsync(master, One, start: true, cancellationToken: source.Token);
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cloning);
        Assert.Null(await One.Link.SendAsync(new FindVMByName("clone"), default));
    }

    [Fact]
    public async Task The_copied_definition_can_be_changed()
    {
        var master = await DefineAsync(Own);
        var clone = await VMActions.CloneAsync(
            master, Two, "clone", start: false, domain => domain.Element("devices")!.RemoveNodes(), OperationId.New(), default);
        Assert.Empty(await ImagesAsync(clone)); // and so the other host will do
    }

    [Fact]
    public async Task It_needs_a_name_that_no_VM_of_the_host_has()
    {
        var master = await DefineAsync(Shared);
        await FailsAsync(HypervisorError.InvalidSpecification, () => CloneAsync(master, One, name: ""));
        await FailsAsync(HypervisorError.VMExists, () => CloneAsync(master, One, name: "master"));
    }

    private static Task<KumoiVM> CloneAsync(
        KumoiVM master, KumoiConnection host, bool start = false, string name = "clone", CancellationToken cancellationToken = default) =>
        VMActions.CloneAsync(master, host, name, start, change: null, OperationId.New(), cancellationToken);

    private static async Task<IEnumerable<string?>> ImagesAsync(KumoiVM vm) =>
        XElement.Parse(await vm.Connection.Link.SendAsync(new ReadXml(vm.Id), default)).Descendants("source")
            .Select(source => (string?)source.Attribute("file") ?? (string?)source.Attribute("dev"));

    /// <summary>Fails with a failure of the VM, and there is no clone.</summary>
    private async Task<HypervisorException> FailsAsync(HypervisorError error, Func<Task> call)
    {
        var failure = await Assert.ThrowsAsync<HypervisorException>(call);
        Assert.Equal((error, FaultDomain.VM), (failure.Error, failure.FaultDomain));
        Assert.Null(await One.Link.SendAsync(new FindVMByName("clone"), default));
        Assert.Null(await Two.Link.SendAsync(new FindVMByName("clone"), default));
        return failure;
    }

    private void Hold(string operation, TimeSpan delay) => _lab.Faults.Add(
        new FaultRule { HostMatches = static _ => true, HostPattern = "*", Operation = operation, Delay = delay, OnlyDelays = true });

    private Task<KumoiVM> DefineAsync(string disks, bool start = false) => VMActions.CreateAsync(
        One,
        new VMSpec { Xml = $"<domain><name>master</name><memory unit='GiB'>1</memory><vcpu>2</vcpu><devices>{disks}</devices></domain>" },
        start, keepFailed: false, OperationId.New(), default);
}
