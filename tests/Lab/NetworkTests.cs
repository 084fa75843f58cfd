using System.Xml.Linq;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Xunit;

namespace Kumoi.Tests.Lab;

/// <summary>Virtual networks of real hosts of both generations.</summary>
public sealed class NetworkTests(RealLab lab) : LabTest(lab)
{
    private const string Mac = "52:54:00:00:00:01";

    private readonly CancellationToken _token = TestContext.Current.CancellationToken;

    public static TheoryData<string> Hosts => ["k1", "k2"];

    private static NetworkSpec Alone => new() { Name = "alone", Kind = NetworkKind.Isolated };

    /// <summary>Of the lab's bridge: for another, libvirt needs a firewall's tools, and dnsmasq, which not every machine has.</summary>
    private static NetworkSpec Bridge => new() { Name = "guests", Kind = NetworkKind.Bridge, Bridge = "guests" };

    private static NetworkSpec Nat => new()
    {
        Name = "lan",
        Address = "10.5.0.1/24",
        DhcpFirst = "10.5.0.2",
        DhcpLast = "10.5.0.254",
    };

    [Theory]
    [MemberData(nameof(Hosts))]
    public async Task Filters_are_what_the_host_has_and_an_adapter_has_one_and_none(string host)
    {
        const string Name = "kumoi-test";
        var file = $"{Lab.HostImages}/filter.xml";
        await Lab.ExecuteAsync(
            host, "sh", "-c",
            $"echo \"<filter name='{Name}' chain='root'><rule action='accept' direction='inout'/></filter>\" > {file}");
        try
        {
            await Lab.ExecuteAsync(host, "virsh", "-q", "nwfilter-define", file);
        }
        catch (InvalidOperationException e) when (e.Message.Contains("not supported by the connection driver", StringComparison.Ordinal))
        {
            await Lab.ExecuteAsync(host, "rm", "-f", file);
            Assert.Empty(await HostNetworks.ReadFiltersAsync(Host(host), _token));
            Assert.Skip($"{host} has no driver for network filters.");
        }

        try
        {
            var filters = await HostNetworks.ReadFiltersAsync(Host(host), _token);
            var names = (await Lab.ExecuteAsync(host, "virsh", "-q", "nwfilter-list")).Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(static line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]).Order(StringComparer.Ordinal);
            Assert.Equal(names, filters.Select(static one => one.Name).Order(StringComparer.Ordinal));
            var filter = Assert.Single(filters, static one => one.Name == Name);
            Assert.Equal(("root", 1), (filter.Chain, filter.RuleCount));

            var vm = await CreateXmlAsync(Host(host), await Lab.XmlAsync("tick", "idle"), start: false);
            var adapter = await VMAdapters.AddAsync(
                vm, new AdapterSettings { Bridge = "guests", Filter = Name }, "virtio", Mac, _token);
            Assert.Equal(Name, adapter.Filter);
            Assert.Contains($"filterref filter='{Name}'", await Lab.ExecuteAsync(host, "virsh", "dumpxml", "tick"));
            adapter = await VMAdapters.SetAsync(adapter, new AdapterSettings { Filter = "" }, _token);
            Assert.Null(adapter.Filter);
            Assert.DoesNotContain("filterref", await Lab.ExecuteAsync(host, "virsh", "dumpxml", "tick"));
            await RefusedAsync(
                HypervisorError.InvalidSpecification,
                () => VMAdapters.SetAsync(adapter, new AdapterSettings { Filter = "none" }, _token));
        }
        finally
        {
            await RemoveAllVMsAsync();
            await Lab.ExecuteAsync(host, "virsh", "-q", "nwfilter-undefine", Name);
            await Lab.ExecuteAsync(host, "rm", "-f", file);
        }
    }

    [Theory]
    [MemberData(nameof(Hosts))]
    public async Task A_network_is_made_stopped_started_and_removed_and_stays_while_VMs_are_in_it(string host)
    {
        var network = await HostNetworks.CreateAsync(Host(host), Bridge, _token);
        Assert.Equal(
            (true, true, NetworkKind.Bridge, "guests"), (network.IsActive, network.IsAutostart, network.Kind, network.Bridge));
        Assert.Equal("yes", await InfoAsync(host, "Active"));
        network = await HostNetworks.SetAutostartAsync(network, isOn: false, _token);
        Assert.Equal("no", await InfoAsync(host, "Autostart"));

        var vm = await CreateXmlAsync(
            Host(host),
            (await Lab.XmlAsync("tick", "idle")).Replace(
                "<devices>",
                $"<devices><interface type='network'><mac address='{Mac}'/><source network='guests'/></interface>",
                StringComparison.Ordinal));
        await RefusedAsync(HypervisorError.InvalidState, () => HostNetworks.StopAsync(network, _token));
        await VMActions.StopAsync(vm, turnOff: true, TimeSpan.Zero, TimeProvider.System, _token);
        network = await HostNetworks.StopAsync(await HostNetworks.StopAsync(network, _token), _token);
        Assert.False(network.IsActive);
        await RefusedAsync(HypervisorError.ResourceUnavailable, () => HostNetworks.ReadLeasesAsync(network, _token));
        await RefusedAsync(HypervisorError.InvalidState, () => HostNetworks.RemoveAsync(network, _token));
        await VMActions.RemoveAsync(vm, turnOff: false, removeVolumes: false, _token);
        network = await HostNetworks.StartAsync(await HostNetworks.StartAsync(network, _token), _token);
        Assert.True(network.IsActive);
        Assert.Empty(await HostNetworks.ReadLeasesAsync(network, _token));
        await HostNetworks.RemoveAsync(network, _token);
        await HostNetworks.RemoveAsync(network, _token); // it is gone, as was wanted
        await RefusedAsync(HypervisorError.ResourceUnavailable, () => HostNetworks.StartAsync(network, _token));
        Assert.Empty(await HostNetworks.ReadAsync(Host(host), _token));
    }

    [Theory]
    [MemberData(nameof(Hosts))]
    public async Task A_network_that_is_only_defined_is_what_virsh_would_have_defined(string host)
    {
        await SameAsync(
            host, Nat,
            "<network><name>lan</name><forward mode='nat'/><ip address='10.5.0.1' netmask='255.255.255.0'><dhcp>"
                + "<range start='10.5.0.2' end='10.5.0.254'/></dhcp></ip></network>");
        await SameAsync(host, Alone, "<network><name>alone</name></network>");
        await SameAsync(
            host, Bridge,
            "<network><name>guests</name><forward mode='bridge'/><bridge name='guests'/></network>");
    }

    /// <summary>What dnsmasq has given away libvirt reads from a file.</summary>
    [Fact]
    public async Task A_network_with_NAT_and_DHCP_tells_the_addresses_that_it_has_given_away()
    {
        var host = Lab.Choose(1, static one => one.IsNewer)[0];
        var network = await HostNetworks.CreateAsync(Host(host), Nat, _token);
        Assert.Equal((true, "10.5.0.1/24", "10.5.0.2-10.5.0.254"), (network.IsActive, network.Addresses[0], network.DhcpRanges[0]));
        Assert.Contains(
            "10.5.0.1/24", await Lab.ExecuteAsync(host, "ip", "-brief", "address", "show", "dev", network.Bridge!), StringComparison.Ordinal);
        Assert.Empty(await HostNetworks.ReadLeasesAsync(network, _token));
        var given = $$"""
            [ { "ip-address": "10.5.0.7", "mac-address": "{{Mac}}", "hostname": "web", "expiry-time": 4102444800 },
              { "ip-address": "10.5.0.10", "mac-address": "52:54:00:00:00:02", "expiry-time": 4102444800 } ]
            """;
        await Lab.ExecuteAsync(
            host, "sh", "-c", $"cat >/var/lib/libvirt/dnsmasq/{network.Bridge}.status <<'END'\n{given}\nEND");
        var leases = await HostNetworks.ReadLeasesAsync(network, _token);
        Assert.Equal(
            [("10.5.0.7", 24, Mac, "web"), ("10.5.0.10", 24, "52:54:00:00:00:02", null)],
            leases.Select(lease => (lease.Address, lease.PrefixLength, lease.MacAddress, lease.HostName)));
        Assert.All(leases, lease => Assert.Equal(DateTimeOffset.FromUnixTimeSeconds(4102444800), lease.ExpiresAt));
        await HostNetworks.RemoveAsync(network, _token);
        await Lab.ExecuteAsync(host, "rm", "-f", $"/var/lib/libvirt/dnsmasq/{network.Bridge}.status");
    }

    [Theory]
    [MemberData(nameof(Hosts))]
    public async Task Networks_that_clash_and_those_that_cannot_be_started_are_refused_and_leave_nothing(string host)
    {
        var lan = await HostNetworks.CreateAsync(Host(host), Nat with { IsStarted = false, IsAutostart = false }, _token);
        Assert.Equal(["10.5.0.1/24"], lan.Addresses);
        await RefusedAsync(HypervisorError.NetworkClash, () => CreateAsync(Nat));
        await RefusedAsync(HypervisorError.NetworkClash, () => CreateAsync(Nat with { Name = "other", Address = "10.5.0.129/25", DhcpFirst = null, DhcpLast = null }));
        await RefusedAsync(HypervisorError.NetworkClash, () => CreateAsync(Nat with { Name = "other", Address = "10.4.0.1/15", DhcpFirst = "10.4.0.2", DhcpLast = "10.4.0.9" }));

        // The lab's own network, in which the host is. Who looks is libvirt, when it is started.
        await Assert.ThrowsAsync<HypervisorException>(() => CreateAsync(
            new NetworkSpec { Name = "other", Kind = NetworkKind.Isolated, Address = Lab.Host(host).Address + "/24" }));
        await Assert.ThrowsAsync<HypervisorException>(() => CreateAsync(Alone with { Name = "a\u0001" }));
        Assert.Equal(["lan"], (await HostNetworks.ReadAsync(Host(host), _token)).Select(one => one.Name));
        await HostNetworks.RemoveAsync(lan, _token);

        Task CreateAsync(NetworkSpec spec) => HostNetworks.CreateAsync(Host(host), spec, _token);
    }

    private static async Task RefusedAsync(HypervisorError error, Func<Task> call)
    {
        var refusal = await Assert.ThrowsAsync<HypervisorException>(call);
        Assert.Equal(error, refusal.Error);
        Assert.NotEmpty(refusal.RecommendedAction!);
    }

    private async Task SameAsync(string host, NetworkSpec spec, string virsh)
    {
        var network = await HostNetworks.CreateAsync(Host(host), spec with { IsStarted = false, IsAutostart = false }, _token);
        Assert.Equal((false, false, spec.Kind), (network.IsActive, network.IsAutostart, network.Kind));
        var ours = await DefinitionAsync(host, spec.Name);
        await HostNetworks.RemoveAsync(network, _token);
        await Lab.ExecuteAsync(host, "sh", "-c", $"echo \"{virsh}\" >/tmp/kumoi-network.xml && virsh -q net-define /tmp/kumoi-network.xml");
        Assert.Equal(await DefinitionAsync(host, spec.Name), ours);
        await Lab.ExecuteAsync(host, "virsh", "-q", "net-undefine", spec.Name);
        await Lab.ExecuteAsync(host, "rm", "/tmp/kumoi-network.xml");
    }

    private async Task<string> DefinitionAsync(string host, string network)
    {
        var xml = XElement.Parse(await Lab.ExecuteAsync(host, "virsh", "-q", "net-dumpxml", network, "--inactive"));
        xml.Element("uuid")!.Remove();
        xml.Element("mac")?.Remove(); // drawn
        foreach (var ip in xml.Elements("ip"))
        {
            ip.Attribute("netmask")?.Remove(); // the same as the prefix, written otherwise
            ip.Attribute("prefix")?.Remove();
        }

        return xml.ToString();
    }

    private async Task<string> InfoAsync(string host, string line) =>
        (await Lab.ExecuteAsync(host, "virsh", "-q", "net-info", "guests")).Split('\n')
            .Single(one => one.StartsWith(line + ":", StringComparison.Ordinal)).Split(':')[1].Trim();
}
