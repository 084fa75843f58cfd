using System.Xml.Linq;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Simulated;
using Xunit;

namespace Kumoi.Tests.Simulated;

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
        await One.StartAsync(vm.Id, false, OperationId.New(), default);
        Assert.Equal(PowerState.Running, await StateAsync(vm.Id));
        await One.SuspendAsync(vm.Id, OperationId.New(), default);
        Assert.Equal(PowerState.Paused, await StateAsync(vm.Id));
        await One.ResumeAsync(vm.Id, OperationId.New(), default);
        await One.RebootAsync(vm.Id, OperationId.New(), default);
        await One.ResetAsync(vm.Id, OperationId.New(), default);
        Assert.Equal(PowerState.Running, await StateAsync(vm.Id));
        await One.ShutdownAsync(vm.Id, OperationId.New(), default);
        Assert.Equal(PowerState.Shutoff, await StateAsync(vm.Id));
        await One.StartAsync(vm.Id, true, OperationId.New(), default);
        Assert.Equal(PowerState.Paused, await StateAsync(vm.Id));
        await One.DestroyAsync(vm.Id, OperationId.New(), default);
        await One.UndefineAsync(vm.Id, false, OperationId.New(), default);
        Assert.Null(await One.FindVMAsync(vm.Id, default));
        Assert.Null(await One.FindVMAsync("web", default));
    }

    [Fact]
    public async Task A_VM_that_its_guest_has_suspended_is_woken_by_resuming_it()
    {
        var vm = await DefineAsync(One, "web");
        await One.StartAsync(vm.Id, false, OperationId.New(), default);
        ((SimulatedLink)One).Host.Find(vm.Id)!.ChangeState(PowerState.PMSuspended, _time.GetUtcNow());
        await One.ResumeAsync(vm.Id, OperationId.New(), default);
        Assert.Equal(PowerState.Running, await StateAsync(vm.Id));
    }

    [Fact]
    public async Task What_a_state_does_not_allow_is_refused_as_the_VMs_fault()
    {
        var vm = await DefineAsync(One, "web");
        foreach (var call in new Func<Task>[]
        {
            () => One.ShutdownAsync(vm.Id, OperationId.New(), default),
            () => One.DestroyAsync(vm.Id, OperationId.New(), default),
            () => One.SuspendAsync(vm.Id, OperationId.New(), default),
            () => One.ResumeAsync(vm.Id, OperationId.New(), default),
            () => One.RebootAsync(vm.Id, OperationId.New(), default),
            () => One.MigrateAsync(vm.Id, Two, new MigrationOptions(), null, OperationId.New(), default),
        })
        {
            await FailsAsync(call, HypervisorError.InvalidState, FaultDomain.VM);
        }

        await One.StartAsync(vm.Id, false, OperationId.New(), default);
        await FailsAsync(() => One.StartAsync(vm.Id, false, OperationId.New(), default), HypervisorError.InvalidState, FaultDomain.VM);
        await FailsAsync(() => One.UndefineAsync(vm.Id, false, OperationId.New(), default), HypervisorError.InvalidState, FaultDomain.VM);
        await FailsAsync(() => One.StartAsync(Guid.NewGuid(), false, OperationId.New(), default), HypervisorError.VMNotFound, FaultDomain.VM);
    }

    [Fact]
    public async Task Two_VMs_of_one_host_have_neither_the_name_nor_the_id_in_common()
    {
        var vm = await DefineAsync(One, "web");
        await FailsAsync(() => DefineAsync(One, "web"), HypervisorError.VMExists, FaultDomain.VM);
        var xml = $"<domain><name>other</name><uuid>{vm.Id}</uuid><memory>1024</memory></domain>";
        await FailsAsync(() => One.DefineAsync(new VMSpec { Xml = xml }, OperationId.New(), default), HypervisorError.VMExists, FaultDomain.VM);
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
        () => One.DefineAsync(new VMSpec { Xml = xml }, OperationId.New(), default), HypervisorError.InvalidSpecification, FaultDomain.VM);

    [Fact]
    public async Task XML_defines_a_VM_with_its_own_name_or_the_one_given()
    {
        const string xml = "<domain><name>a</name><uuid>11111111-2222-3333-4444-555555555555</uuid><memory unit='MiB'>512</memory><vcpu>3</vcpu><extra/></domain>";
        var own = await One.DefineAsync(new VMSpec { Xml = xml }, OperationId.New(), default);
        Assert.Equal(("a", 512L << 20, 3, Guid.Parse("11111111-2222-3333-4444-555555555555")), (own.Name, own.MemoryBytes, own.CpuCount, own.Id));
        Assert.Contains("<extra", await One.ReadXmlAsync(own.Id, default), StringComparison.Ordinal);
        var given = await One.DefineAsync(new VMSpec { Name = "b", Xml = xml }, OperationId.New(), default);
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
        var busy = await One.DefineAsync(new VMSpec { Xml = xml }, OperationId.New(), default);
        var copy = await Two.DefineAsync(new VMSpec { Name = "copy", Xml = await One.ReadXmlAsync(busy.Id, default) }, OperationId.New(), default);
        await Two.StartAsync(copy.Id, false, OperationId.New(), default);
        Assert.Equal(0.4, (await Two.FindVMAsync(copy.Id, default))!.CpuRatio);
        var metadata = XElement.Parse(await Two.ReadXmlAsync(copy.Id, default)).Element("metadata")!;
        Assert.Equal(["other", "simulated"], metadata.Elements().Select(element => element.Name.LocalName));
        Assert.Equal("0.4", (string?)metadata.Elements().Last().Attribute("cpuLoad"));

        var fleetsOwn = (await One.ReadVMsAsync(default))[1];
        Assert.Equal("kvm01-1", fleetsOwn.Name);
        var copyOfIt = await Two.DefineAsync(new VMSpec { Name = "copy2", Xml = await One.ReadXmlAsync(fleetsOwn.Id, default) }, OperationId.New(), default);
        await Two.StartAsync(copyOfIt.Id, false, OperationId.New(), default);
        Assert.Equal(fleetsOwn.CpuRatio, (await Two.FindVMAsync(copyOfIt.Id, default))!.CpuRatio);
    }

    [Theory]
    [InlineData("1.01")]
    [InlineData("-0.1")]
    [InlineData("0,4")]
    [InlineData("NaN")]
    [InlineData("much")]
    [InlineData("")]
    public async Task A_load_that_is_no_share_is_refused(string load) => await FailsAsync(
        () => One.DefineAsync(
            new VMSpec { Xml = $"<domain><name>a</name><memory>1024</memory><metadata><simulated xmlns='https://kumoi.dev/xmlns/1' cpuLoad='{load}'/></metadata></domain>" },
            OperationId.New(), default),
        HypervisorError.InvalidSpecification, FaultDomain.VM);

    [Fact]
    public async Task Undoing_a_define_removes_what_that_operation_made_and_nothing_else()
    {
        OperationId mine = OperationId.New(), other = OperationId.New();
        var vm = await One.DefineAsync(new VMSpec { Name = "mine" }, mine, default);
        await One.DefineAsync(new VMSpec { Name = "other" }, other, default);
        await One.StartAsync(vm.Id, false, OperationId.New(), default);

        Assert.False(await Two.UndoDefineAsync(mine, default));
        Assert.True(await One.UndoDefineAsync(mine, default));
        Assert.False(await One.UndoDefineAsync(mine, default));
        Assert.Equal(["kvm01-1", "kvm01-2", "other"], (await One.ReadVMsAsync(default)).Select(found => found.Name));
    }

    [Fact]
    public async Task A_host_starts_no_VM_that_its_memory_does_not_hold()
    {
        var free = (await One.ReadHostAsync(false, default)).FreeMemoryBytes;
        var fits = await DefineAsync(One, "fits", free);
        var more = await DefineAsync(One, "more", 1L << 20);
        await One.StartAsync(fits.Id, false, OperationId.New(), default);
        Assert.Equal(0, (await One.ReadHostAsync(false, default)).FreeMemoryBytes);
        await FailsAsync(() => One.StartAsync(more.Id, false, OperationId.New(), default), HypervisorError.ResourceUnavailable, FaultDomain.Host);
        await One.DestroyAsync(fits.Id, OperationId.New(), default);
        await One.StartAsync(more.Id, false, OperationId.New(), default);
    }

    [Fact]
    public async Task CPU_time_runs_while_the_VM_does()
    {
        var vm = await DefineAsync(One, "web");
        await One.StartAsync(vm.Id, false, OperationId.New(), default);
        _time.Advance(TimeSpan.FromSeconds(100));
        Assert.Equal(TimeSpan.FromSeconds(5), (await One.FindVMAsync(vm.Id, default))!.CpuTime);
        await One.SuspendAsync(vm.Id, OperationId.New(), default);
        _time.Advance(TimeSpan.FromSeconds(100));
        Assert.Equal(TimeSpan.FromSeconds(5), (await One.FindVMAsync(vm.Id, default))!.CpuTime);
    }

    [Fact]
    public async Task A_VM_is_as_busy_as_its_load_while_it_runs_and_idle_otherwise()
    {
        var vm = await DefineAsync(One, "web");
        Assert.Equal(0, vm.CpuRatio);
        await One.StartAsync(vm.Id, false, OperationId.New(), default);
        Assert.Equal(0.05, (await One.FindVMAsync(vm.Id, default))!.CpuRatio);
        await One.SuspendAsync(vm.Id, OperationId.New(), default);
        Assert.Equal(0, (await One.FindVMAsync(vm.Id, default))!.CpuRatio);
        var fleetsOwn = await One.ReadVMsAsync(default);
        Assert.InRange(fleetsOwn[0].CpuRatio, 0.001, 0.5);
        Assert.Equal(0, fleetsOwn[1].CpuRatio);
    }

    [Fact]
    public async Task The_counters_of_a_running_VM_grow_with_the_time_that_it_runs()
    {
        var vm = (await One.ReadVMsAsync(default))[0];
        Assert.Equal(default, Counters(vm));
        _time.Advance(TimeSpan.FromSeconds(10));
        var early = Counters((await One.FindVMAsync(vm.Id, default))!);
        Assert.All<long>([early.Read, early.Written, early.Received, early.Sent], bytes => Assert.InRange(bytes, 10, 10 * 4L << 20));
        _time.Advance(TimeSpan.FromSeconds(30));
        Assert.Equal((early.Read * 4, early.Written * 4, early.Received * 4, early.Sent * 4), Counters((await One.FindVMAsync(vm.Id, default))!));

        await One.SuspendAsync(vm.Id, OperationId.New(), default);
        _time.Advance(TimeSpan.FromSeconds(60));
        Assert.Equal(early.Read * 4, Counters((await One.FindVMAsync(vm.Id, default))!).Read);
        await One.DestroyAsync(vm.Id, OperationId.New(), default);
        Assert.Equal(default, Counters((await One.FindVMAsync(vm.Id, default))!));

        var defined = await DefineAsync(One, "web");
        await One.StartAsync(defined.Id, false, OperationId.New(), default);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal((65536L, 32768L, 16384L, 16384L), Counters((await One.FindVMAsync(defined.Id, default))!));
    }

    private static (long Read, long Written, long Received, long Sent) Counters(VMReading vm) =>
        (vm.DiskReadBytes, vm.DiskWrittenBytes, vm.NetworkReceivedBytes, vm.NetworkSentBytes);

    private static Task<VMReading> DefineAsync(IHypervisorLink link, string name, long memoryBytes = 1L << 30) =>
        link.DefineAsync(new VMSpec { Name = name, MemoryBytes = memoryBytes }, OperationId.New(), default);

    private static async Task FailsAsync(Func<Task> call, HypervisorError error, FaultDomain domain)
    {
        var failure = await Assert.ThrowsAsync<HypervisorException>(call);
        Assert.Equal((error, domain), (failure.Error, failure.FaultDomain));
    }

    private async Task<PowerState> StateAsync(Guid id) => (await One.FindVMAsync(id, default))!.State;
}
