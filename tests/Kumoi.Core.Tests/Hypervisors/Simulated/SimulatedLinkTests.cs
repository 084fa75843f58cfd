using System.Xml.Linq;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Simulated;
using Kumoi.Hypervisors.Simulated.Hosts;
using Xunit;

namespace Kumoi.Tests.Hypervisors.Simulated;

/// <summary>What can be done on simulated hosts.</summary>
public sealed class SimulatedLinkTests : IAsyncLifetime
{
    private readonly ManualTime _time = new();
    private readonly List<IHypervisorLink> _links = [];

    private IHypervisorLink One => _links[0];

    private IHypervisorLink Two => _links[1];

    public async ValueTask InitializeAsync()
    {
        var driver = new SimulatedDriver(_time);
        foreach (var address in driver.Resolve("sim://lab?hosts=2&vms=2&running=1&seed=7"))
        {
            _links.Add(await driver.OpenAsync(address, CancellationToken.None));
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var link in _links)
        {
            await link.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_VM_goes_through_its_life()
    {
        var vm = await DefineAsync(One, "web");
        Assert.Equal(PowerState.Shutoff, vm.State);
        await One.SendAsync(new StartVM(vm.Id), default);
        Assert.Equal(PowerState.Running, await StateAsync(vm.Id));
        await One.SendAsync(new SuspendVM(vm.Id), default);
        Assert.Equal(PowerState.Paused, await StateAsync(vm.Id));
        await One.SendAsync(new ResumeVM(vm.Id), default);
        await One.SendAsync(new RebootVM(vm.Id), default);
        await One.SendAsync(new ResetVM(vm.Id), default);
        Assert.Equal(PowerState.Running, await StateAsync(vm.Id));
        await One.SendAsync(new ShutdownVM(vm.Id), default);
        Assert.Equal(PowerState.Shutoff, await StateAsync(vm.Id));
        await One.SendAsync(new StartVM(vm.Id, true), default);
        Assert.Equal(PowerState.Paused, await StateAsync(vm.Id));
        await One.SendAsync(new DestroyVM(vm.Id), default);
        await One.SendAsync(new UndefineVM(vm.Id, false), default);
        Assert.Null(await One.SendAsync(new FindVM(vm.Id), default));
        Assert.Null(await One.SendAsync(new FindVMByName("web"), default));
    }

    [Fact]
    public async Task A_VM_that_its_guest_has_suspended_is_woken_by_resuming_it()
    {
        var vm = await DefineAsync(One, "web");
        await One.SendAsync(new StartVM(vm.Id), default);
        ((SimulatedLink)One).Host.Find(vm.Id)!.ChangeState(PowerState.PMSuspended, _time.GetUtcNow());
        await One.SendAsync(new ResumeVM(vm.Id), default);
        Assert.Equal(PowerState.Running, await StateAsync(vm.Id));
    }

    [Fact]
    public async Task What_a_state_does_not_allow_is_refused_as_the_VMs_fault()
    {
        var vm = await DefineAsync(One, "web");
        foreach (var call in new Func<Task>[]
        {
            () => One.SendAsync(new ShutdownVM(vm.Id), default).AsTask(),
            () => One.SendAsync(new DestroyVM(vm.Id), default).AsTask(),
            () => One.SendAsync(new SuspendVM(vm.Id), default).AsTask(),
            () => One.SendAsync(new ResumeVM(vm.Id), default).AsTask(),
            () => One.SendAsync(new RebootVM(vm.Id), default).AsTask(),
            () => One.SendAsync(new MigrateVM(vm.Id, Two, new MigrationOptions()), default).AsTask(),
        })
        {
            await FailsAsync(call, HypervisorError.InvalidState, FaultDomain.VM);
        }

        await One.SendAsync(new StartVM(vm.Id), default);
        await FailsAsync(() => One.SendAsync(new StartVM(vm.Id), default).AsTask(), HypervisorError.InvalidState, FaultDomain.VM);
        await FailsAsync(() => One.SendAsync(new UndefineVM(vm.Id, false), default).AsTask(), HypervisorError.InvalidState, FaultDomain.VM);
        await FailsAsync(() => One.SendAsync(new StartVM(Guid.NewGuid()), default).AsTask(), HypervisorError.VMNotFound, FaultDomain.VM);
    }

    [Fact]
    public async Task Two_VMs_of_one_host_have_neither_the_name_nor_the_id_in_common()
    {
        var vm = await DefineAsync(One, "web");
        await FailsAsync(() => DefineAsync(One, "web"), HypervisorError.VMExists, FaultDomain.VM);
        var xml = $"<domain><name>other</name><uuid>{vm.Id}</uuid><memory>1024</memory></domain>";
        await FailsAsync(
            () => One.SendAsync(new DefineVM(new VMSpec { Xml = xml }), default).AsTask(), HypervisorError.VMExists, FaultDomain.VM);
    }

    [Theory]
    [InlineData("")]
    [InlineData("a/b")]
    [InlineData("a\nb")]
    public async Task A_name_that_libvirt_would_refuse_is_refused(string name) =>
        await FailsAsync(() => DefineAsync(One, name), HypervisorError.InvalidSpecification, FaultDomain.VM);

    [Theory]
    [InlineData("<domain><name>a</name><memory>1024</memory><vcpu>two</vcpu></domain>")]
    [InlineData("<domain><name>a</name><memory unit='stone'>1</memory></domain>")]
    [InlineData("<domain><name>a</name></domain>")]
    [InlineData("<network><name>a</name></network>")]
    [InlineData("<domain>")]
    public async Task XML_that_is_no_VM_is_refused_as_such(string xml) => await FailsAsync(
        () => One.SendAsync(new DefineVM(new VMSpec { Xml = xml }), default).AsTask(), HypervisorError.InvalidSpecification,
        FaultDomain.VM);

    [Fact]
    public async Task XML_defines_a_VM_with_its_own_name_or_the_one_given()
    {
        const string xml = "<domain><name>a</name><uuid>11111111-2222-3333-4444-555555555555</uuid><memory "
            + "unit='MiB'>512</memory><vcpu>3</vcpu><extra/></domain>";
        var own = await One.SendAsync(new DefineVM(new VMSpec { Xml = xml }), default);
        Assert.Equal(
            ("a", 512L << 20, 3, Guid.Parse("11111111-2222-3333-4444-555555555555")), (own.Name, own.MemoryBytes, own.CpuCount, own.Id));
        Assert.Contains("<extra", await One.SendAsync(new ReadXml(own.Id), default), StringComparison.Ordinal);
        var given = await One.SendAsync(new DefineVM(new VMSpec { Name = "b", Xml = xml }), default);
        Assert.Equal("b", given.Name);
        Assert.NotEqual(own.Id, given.Id);
    }

    [Fact]
    public async Task The_XML_says_how_busy_a_VM_is_and_a_copy_is_as_busy()
    {
        const string xml = """
            <domain><name>busy</name><memory unit='MiB'>512</memory><vcpu>2</vcpu><metadata><other xmlns='urn:other'/>
            <kumoi:simulated xmlns:kumoi='https://kumoi.dev/xmlns/1' cpuLoad='0.40'/></metadata></domain>
            """;
        var busy = await One.SendAsync(new DefineVM(new VMSpec { Xml = xml }), default);
        var copy = await Two.SendAsync(
            new DefineVM(new VMSpec { Name = "copy", Xml = await One.SendAsync(new ReadXml(busy.Id), default) }), default);
        await Two.SendAsync(new StartVM(copy.Id), default);
        Assert.Equal(0.4, (await Two.SendAsync(new FindVM(copy.Id), default))!.CpuRatio);
        var metadata = XElement.Parse(await Two.SendAsync(new ReadXml(copy.Id), default)).Element("metadata")!;
        Assert.Equal(["other", "simulated"], metadata.Elements().Select(element => element.Name.LocalName));
        Assert.Equal("0.4", (string?)metadata.Elements().Last().Attribute("cpuLoad"));

        var fleetsOwn = (await One.SendAsync(new ReadVMs(), default))[1];
        Assert.Equal("kvm01-1", fleetsOwn.Name);
        var copyOfIt = await Two.SendAsync(
            new DefineVM(new VMSpec { Name = "copy2", Xml = await One.SendAsync(new ReadXml(fleetsOwn.Id), default) }), default);
        await Two.SendAsync(new StartVM(copyOfIt.Id), default);
        Assert.Equal(fleetsOwn.CpuRatio, (await Two.SendAsync(new FindVM(copyOfIt.Id), default))!.CpuRatio);
    }

    [Theory]
    [InlineData("1.01")]
    [InlineData("-0.1")]
    [InlineData("0,4")]
    [InlineData("NaN")]
    [InlineData("much")]
    [InlineData("")]
    public async Task A_load_that_is_no_share_is_refused(string load) => await FailsAsync(
        () => One.SendAsync(new DefineVM(new VMSpec
        {
            Xml = "<domain><name>a</name><memory>1024</memory><metadata><simulated "
            + $"xmlns='https://kumoi.dev/xmlns/1' cpuLoad='{load}'/></metadata></domain>"
        }), default).AsTask(),
        HypervisorError.InvalidSpecification, FaultDomain.VM);

    [Fact]
    public async Task Undoing_a_define_removes_what_that_operation_made_and_nothing_else()
    {
        OperationId mine = OperationId.New(), other = OperationId.New();
        var vm = await One.SendAsync(new DefineVM(new VMSpec { Name = "mine" }) { Operation = mine }, default);
        await One.SendAsync(new DefineVM(new VMSpec { Name = "other" }) { Operation = other }, default);
        await One.SendAsync(new StartVM(vm.Id), default);

        Assert.False(await Two.SendAsync(new UndoDefineVM(mine), default));
        Assert.True(await One.SendAsync(new UndoDefineVM(mine), default));
        Assert.False(await One.SendAsync(new UndoDefineVM(mine), default));
        Assert.Equal(["kvm01-1", "kvm01-2", "other"], (await One.SendAsync(new ReadVMs(), default)).Select(found => found.Name));
    }

    [Fact]
    public async Task A_host_starts_no_VM_that_its_memory_does_not_hold()
    {
        var free = (await One.SendAsync(new ReadHost(false), default)).FreeMemoryBytes;
        var fits = await DefineAsync(One, "fits", free);
        var more = await DefineAsync(One, "more", 1L << 20);
        await One.SendAsync(new StartVM(fits.Id), default);
        Assert.Equal(0, (await One.SendAsync(new ReadHost(false), default)).FreeMemoryBytes);
        await FailsAsync(
            () => One.SendAsync(new StartVM(more.Id), default).AsTask(), HypervisorError.ResourceUnavailable, FaultDomain.Host);
        await One.SendAsync(new DestroyVM(fits.Id), default);
        await One.SendAsync(new StartVM(more.Id), default);
    }

    [Fact]
    public async Task CPU_time_runs_while_the_VM_does()
    {
        var vm = await DefineAsync(One, "web");
        await One.SendAsync(new StartVM(vm.Id), default);
        _time.Advance(TimeSpan.FromSeconds(100));
        Assert.Equal(TimeSpan.FromSeconds(5), (await One.SendAsync(new FindVM(vm.Id), default))!.CpuTime);
        await One.SendAsync(new SuspendVM(vm.Id), default);
        _time.Advance(TimeSpan.FromSeconds(100));
        Assert.Equal(TimeSpan.FromSeconds(5), (await One.SendAsync(new FindVM(vm.Id), default))!.CpuTime);
    }

    [Fact]
    public async Task A_VM_is_as_busy_as_its_load_while_it_runs_and_idle_otherwise()
    {
        var vm = await DefineAsync(One, "web");
        Assert.Equal(0, vm.CpuRatio);
        await One.SendAsync(new StartVM(vm.Id), default);
        Assert.Equal(0.05, (await One.SendAsync(new FindVM(vm.Id), default))!.CpuRatio);
        await One.SendAsync(new SuspendVM(vm.Id), default);
        Assert.Equal(0, (await One.SendAsync(new FindVM(vm.Id), default))!.CpuRatio);
        var fleetsOwn = await One.SendAsync(new ReadVMs(), default);
        Assert.InRange(fleetsOwn[0].CpuRatio, 0.001, 0.5);
        Assert.Equal(0, fleetsOwn[1].CpuRatio);
    }

    [Fact]
    public async Task The_counters_of_a_running_VM_grow_with_the_time_that_it_runs()
    {
        var vm = (await One.SendAsync(new ReadVMs(), default))[0];
        Assert.Equal(default, Counters(vm));
        _time.Advance(TimeSpan.FromSeconds(10));
        var early = Counters((await One.SendAsync(new FindVM(vm.Id), default))!);
        Assert.All<long>([early.Read, early.Written, early.Received, early.Sent], bytes => Assert.InRange(bytes, 10, 10 * 4L << 20));
        _time.Advance(TimeSpan.FromSeconds(30));
        Assert.Equal((early.Read * 4, early.Written * 4, early.Received * 4, early.Sent * 4), Counters(
            (await One.SendAsync(new FindVM(vm.Id), default))!));

        await One.SendAsync(new SuspendVM(vm.Id), default);
        _time.Advance(TimeSpan.FromSeconds(60));
        Assert.Equal(early.Read * 4, Counters((await One.SendAsync(new FindVM(vm.Id), default))!).Read);
        await One.SendAsync(new DestroyVM(vm.Id), default);
        Assert.Equal(default, Counters((await One.SendAsync(new FindVM(vm.Id), default))!));

        var defined = await DefineAsync(One, "web");
        await One.SendAsync(new StartVM(defined.Id), default);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal((65536L, 32768L, 16384L, 16384L), Counters((await One.SendAsync(new FindVM(defined.Id), default))!));
    }

    private static (long Read, long Written, long Received, long Sent) Counters(VMReading vm) =>
        (vm.DiskReadBytes, vm.DiskWrittenBytes, vm.NetworkReceivedBytes, vm.NetworkSentBytes);

    private static Task<VMReading> DefineAsync(IHypervisorLink link, string name, long memoryBytes = 1L << 30) =>
        link.SendAsync(new DefineVM(new VMSpec { Name = name, MemoryBytes = memoryBytes }), default).AsTask();

    private static async Task FailsAsync(Func<Task> call, HypervisorError error, FaultDomain domain)
    {
        var failure = await Assert.ThrowsAsync<HypervisorException>(call);
        Assert.Equal((error, domain), (failure.Error, failure.FaultDomain));
    }

    private async Task<PowerState> StateAsync(Guid id) => (await One.SendAsync(new FindVM(id), default))!.State;
}
