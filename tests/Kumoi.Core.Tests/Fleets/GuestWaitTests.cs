using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Faults;
using Xunit;

namespace Kumoi.Tests.Fleets;

/// <summary>Waiting for what is in a VM, its agent and its address, by a clock of the tests'.</summary>
public sealed class GuestWaitTests : IAsyncLifetime
{
    private const string Channel = "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>";
    private const string Card =
        "<interface type='bridge'><mac address='52:54:00:0a:0b:0c'/><source bridge='br0'/><model type='virtio'/></interface>";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private LabFleet _lab = null!;

    private IHypervisorLink Link => _lab.Host("kvm01").Link;

    public async ValueTask InitializeAsync() => _lab = await LabFleet.ConnectAsync("sim://lab?hosts=1&vms=0");

    public ValueTask DisposeAsync() => _lab.DisposeAsync();

    [Fact]
    public async Task It_ends_when_the_agent_is_connected()
    {
        var vm = await StartAsync(Channel);
        Assert.Equal(GuestAgentState.Disconnected, await Link.SendAsync(new ReadGuestAgent(vm.Id), Token));
        var waiting = AgentAsync(vm);
        Assert.False(waiting.IsCompleted);

        Assert.Equal(PowerState.Running, (await AsTimeGoesByAsync(waiting)).State);
        Assert.Equal(GuestAgentState.Connected, await Link.SendAsync(new ReadGuestAgent(vm.Id), Token));
    }

    [Fact]
    public async Task It_gives_the_addresses_when_one_is_known()
    {
        var vm = await StartAsync(Card);
        var waiting = AddressAsync(vm);
        Assert.False(waiting.IsCompleted);

        Assert.Equal(["10.10.11.12"], (await AsTimeGoesByAsync(waiting)).Addresses);
        var adapter = Assert.Single(await VMAdapters.ReadAsync(vm, AddressSources.Host, Token));
        Assert.Equal(["10.10.11.12"], adapter.Addresses);
        Assert.Null(Assert.Single(await VMAdapters.ReadAsync(vm, Token)).Addresses);
    }

    [Fact]
    public async Task What_no_waiting_brings_is_an_error_at_once()
    {
        var bare = await StartAsync("");
        Assert.Equal("'web' has no channel for a guest agent.", (await FailureAsync(AgentAsync(bare))).Message);
        Assert.Equal("'web' has no network adapter.", (await FailureAsync(AddressAsync(bare))).Message);
        await Link.SendAsync(new DestroyVM(bare.Id), Token);
        Assert.Equal("'web' is Shutoff: it has no agent before it is started.", (await FailureAsync(AgentAsync(bare))).Message);
        Assert.Equal(HypervisorError.InvalidState, (await FailureAsync(AddressAsync(bare))).Error);
        await Link.SendAsync(new UndefineVM(bare.Id), Token);
        Assert.Equal(HypervisorError.VMNotFound, (await FailureAsync(AddressAsync(bare))).Error);
    }

    [Fact]
    public async Task It_says_at_its_end_what_was_seen_last()
    {
        var vm = await StartAsync(Channel + Card);
        await Link.SendAsync(new SuspendVM(vm.Id), Token);
        var failure = await Assert.ThrowsAsync<HypervisorException>(() => AsTimeGoesByAsync(AgentAsync(vm)));
        Assert.Equal((HypervisorError.TimedOut, FaultDomain.VM), (failure.Error, failure.FaultDomain));
        Assert.Equal("'web' is Paused after 60 s: its guest agent cannot answer.", failure.Message);
        failure = await Assert.ThrowsAsync<HypervisorException>(() => AsTimeGoesByAsync(AddressAsync(vm)));
        Assert.Equal("'web' is Paused after 60 s, and no address of it is known.", failure.Message);
    }

    [Fact]
    public async Task A_VM_that_is_removed_meanwhile_ends_it_with_an_error()
    {
        var vm = await StartAsync(Channel);
        await Link.SendAsync(new SuspendVM(vm.Id), Token);
        var waiting = AgentAsync(vm);
        Assert.False(waiting.IsCompleted);
        await Link.SendAsync(new DestroyVM(vm.Id), Token);
        await Link.SendAsync(new UndefineVM(vm.Id), Token);
        var failure = await Assert.ThrowsAsync<HypervisorException>(() => AsTimeGoesByAsync(waiting));
        Assert.Equal(HypervisorError.VMNotFound, failure.Error);
    }

    [Fact]
    public async Task A_host_that_fails_meanwhile_is_asked_again()
    {
        var vm = await StartAsync(Channel);
        var broken = _lab.Break("kvm01", FaultOperation.Read, FaultDomain.Host);
        var waiting = AgentAsync(vm);
        var stateWaiting = VMActions.WaitAsync(vm, PowerState.Running, Patience, _lab.Time, Token);
        _lab.Time.Advance(TimeSpan.FromSeconds(3));
        Assert.False(waiting.IsCompleted);
        Assert.False(stateWaiting.IsCompleted);
        _lab.Faults.Remove(broken.Id);
        Assert.NotNull(await AsTimeGoesByAsync(waiting));
        Assert.NotNull(await stateWaiting);
    }

    [Fact]
    public async Task Of_a_host_that_fails_to_the_end_it_says_that_it_is_not_known()
    {
        var vm = await StartAsync(Card);
        _lab.Break("kvm01", FaultOperation.Read, FaultDomain.Host, message: "The host is on fire.");
        var failure = await Assert.ThrowsAsync<HypervisorException>(() => AsTimeGoesByAsync(AddressAsync(vm)));
        Assert.Equal((HypervisorError.TimedOut, FaultDomain.Host), (failure.Error, failure.FaultDomain));
        Assert.StartsWith("It is not known after 60 s whether 'web' has an address: ", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_host_that_is_silent_does_not_keep_it_for_long_after_its_time()
    {
        var vm = await StartAsync(Card);
        _lab.Faults.Add(new FaultRule
        {
            HostMatches = static _ => true,
            HostPattern = "*",
            Operation = FaultOperation.Read,
            Delay = TimeSpan.FromDays(1),
            Message = "never",
        });
        var failure = await Assert.ThrowsAsync<HypervisorException>(
            () => AsTimeGoesByAsync(VMActions.WaitForAddressAsync(vm, TimeSpan.FromSeconds(3), _lab.Time, Token)));
        Assert.Equal(HypervisorError.TimedOut, failure.Error);

        // It has given up by itself: the calls' own time-out says another thing.
        Assert.Equal("It is not known after 3 s whether 'web' has an address: kvm01 did not answer.", failure.Message);
    }

    [Fact]
    public async Task It_ends_when_it_is_cancelled()
    {
        var vm = await StartAsync(Channel);
        using var cancelling = new CancellationTokenSource();
        var waiting = VMActions.WaitForAgentAsync(vm, Patience, _lab.Time, cancelling.Token);
        await cancelling.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }

    [Theory]
    [InlineData("10.0.0.5", "10.0.0.5")]
    [InlineData("2001:DB8::5", "2001:db8::5")]
    [InlineData("127.0.0.1", null)]
    [InlineData("::1", null)]
    [InlineData("169.254.7.7", null)]
    [InlineData("fe80::5054:ff:fe12:3456", null)]
    [InlineData("0.0.0.0", null)]
    [InlineData("ff02::1", null)]
    [InlineData("\u001b[31mnone", null)]
    [InlineData("", null)]
    public void An_address_is_one_under_which_others_reach_the_guest(string told, string? address) =>
        Assert.Equal(address, GuestAddress.Reachable(told));

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private Task<KumoiVM> AgentAsync(KumoiVM vm) => VMActions.WaitForAgentAsync(vm, Patience, _lab.Time, Token);

    private Task<KumoiVM> AddressAsync(KumoiVM vm) => VMActions.WaitForAddressAsync(vm, Patience, _lab.Time, Token);

    private static async Task<HypervisorException> FailureAsync(Task<KumoiVM> waiting) =>
        await Assert.ThrowsAsync<HypervisorException>(() => waiting);

    private async Task<KumoiVM> StartAsync(string devices)
    {
        var xml = $"<domain type='kvm'><name>web</name><memory unit='MiB'>64</memory><vcpu>1</vcpu><devices>{devices}</devices></domain>";
        return await VMActions.CreateAsync(
            _lab.Host("kvm01"), new VMSpec { Xml = xml }, start: true, keepFailed: false, OperationId.New(), Token);
    }

    private async Task<KumoiVM> AsTimeGoesByAsync(Task<KumoiVM> waiting)
    {
        while (!waiting.IsCompleted)
        {
            _lab.Time.Advance(TimeSpan.FromMilliseconds(250));
            await Task.Yield();
        }

        return await waiting;
    }
}
