using System.Xml.Linq;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Xunit;

namespace Kumoi.Tests.Lab;

/// <summary>Waiting for the agent and the address of the Linux guest, on hosts of both generations.</summary>
public sealed class GuestWaitTests(RealLab lab) : LabTest(lab)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly CancellationToken _token = TestContext.Current.CancellationToken;

    public static TheoryData<string> Hosts => ["k1", "k2"];

    [Theory]
    [MemberData(nameof(Hosts))]
    public async Task The_agent_is_waited_for_and_tells_the_address_before_the_neighbours_do(string host)
    {
        var xml = XElement.Parse(await Lab.XmlAsync("web1", "linux"));
        xml.Element("os")!.Element("cmdline")!.Value += " kagent=1";
        var own = xml.Element("os")!.Element("cmdline")!.Value.Split(' ')
            .Single(static word => word.StartsWith("kip=", StringComparison.Ordinal))[4..];
        xml.Element("devices")!.Add(XElement.Parse(
            $"<channel type='unix'><target type='virtio' name='{GuestAgentDefinition.ChannelName}'/></channel>"));
        var vm = await CreateXmlAsync(Host(host), xml.ToString(), start: false);
        Assert.Equal(HypervisorError.InvalidState, (await FailureAsync(AgentAsync(vm))).Error);
        Assert.Equal(GuestAgentState.Disconnected, await vm.Connection.Link.SendAsync(new ReadGuestAgent(vm.Id), _token));
        Assert.Equal([], Assert.Single(await VMAdapters.ReadAsync(vm, AddressSources.Host | AddressSources.Guest, _token)).Addresses);

        await VMActions.StartAsync(vm, paused: false, _token);
        Assert.Equal(PowerState.Running, (await AgentAsync(vm)).State);
        Assert.Equal(["10.99.0.9"], (await AddressAsync(vm)).Addresses);

        // The host has heard of it when something has come from it.
        await Eventually.HoldsAsync(
            async () => (await Lab.ExecuteAsync(
                host, "bash", "-c", $"(exec 3<>/dev/tcp/{own}/7000) 2>/dev/null && echo yes || echo no")).Trim() == "yes",
            "the guest serves");
        var seen = Assert.Single(await VMAdapters.ReadAsync(vm, AddressSources.Host, _token)).Addresses;
        Assert.Equal(await CanReadNeighboursAsync(host) ? [own] : [], seen);
        Assert.Equal(["10.99.0.9"], (await AddressAsync(vm)).Addresses);
    }

    [Theory]
    [MemberData(nameof(Hosts))]
    public async Task A_guest_without_a_channel_or_an_adapter_is_not_waited_for_and_one_without_an_agent_is(string host)
    {
        var bare = await CreateAsync(Host(host), "tick", "idle");
        Assert.Equal("'tick' has no channel for a guest agent.", (await FailureAsync(AgentAsync(bare))).Message);
        Assert.Equal("'tick' has no network adapter.", (await FailureAsync(AddressAsync(bare))).Message);

        var machine = await VMActions.CreateAsync(
            Host(host), new VMSpec { Name = "silent", MemoryBytes = 64L << 20, Machine = new MachineSpec() }, start: true, keepFailed: false,
            OperationId.New(), _token);
        var failure = await FailureAsync(VMActions.WaitForAgentAsync(machine, TimeSpan.Zero, TimeProvider.System, _token));
        Assert.Equal((HypervisorError.TimedOut, FaultDomain.VM), (failure.Error, failure.FaultDomain));
        Assert.Equal("The guest agent of 'silent' is not connected after 0 s.", failure.Message);
    }

    [Fact]
    public async Task A_guest_that_asks_for_an_address_is_waited_for_by_its_lease()
    {
        var host = Lab.Choose(1, static one => one.IsNewer)[0];
        var network = await HostNetworks.CreateAsync(
            Host(host), new NetworkSpec { Name = "lan", Address = "10.5.0.1/24", DhcpFirst = "10.5.0.77", DhcpLast = "10.5.0.77" }, _token);
        try
        {
            var xml = XElement.Parse(await Lab.XmlAsync("web1", "linux"));
            xml.Element("os")!.Element("cmdline")!.Value += " kdhcp=1";
            var card = xml.Descendants("interface").Single();
            card.SetAttributeValue("type", "network");
            card.Element("mac")!.SetAttributeValue("address", "52:54:00:77:00:d9"); // the host knows no neighbour of it
            card.Element("source")!.ReplaceWith(new XElement("source", new XAttribute("network", "lan")));
            var vm = await CreateXmlAsync(Host(host), xml.ToString());
            Assert.Equal(["10.5.0.77"], (await AddressAsync(vm)).Addresses);
            Assert.Equal(
                "10.5.0.77", Assert.Single(await HostNetworks.ReadLeasesAsync(network, _token)).Address);
        }
        finally
        {
            await RemoveAllVMsAsync();
            await HostNetworks.RemoveAsync(await HostNetworks.StopAsync(network, _token), _token);
            await Lab.ExecuteAsync(host, "sh", "-c", "rm -f /var/lib/libvirt/dnsmasq/*.status /var/lib/libvirt/dnsmasq/*.macs");
        }
    }

    /// <summary>libvirt 9.0 fails at it on newer kernels ("wrong nlmsg len").</summary>
    private async Task<bool> CanReadNeighboursAsync(string host)
    {
        try
        {
            await Lab.ExecuteAsync(host, "virsh", "-q", "domifaddr", "web1", "--source", "arp");
            return true;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    private Task<KumoiVM> AgentAsync(KumoiVM vm) => VMActions.WaitForAgentAsync(vm, Patience, TimeProvider.System, _token);

    private Task<KumoiVM> AddressAsync(KumoiVM vm) => VMActions.WaitForAddressAsync(vm, Patience, TimeProvider.System, _token);

    private static async Task<HypervisorException> FailureAsync(Task<KumoiVM> waiting) =>
        await Assert.ThrowsAsync<HypervisorException>(() => waiting);
}
