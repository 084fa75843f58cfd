using System.Xml.Linq;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Xunit;

namespace Kumoi.Tests.Lab;

/// <summary>Network adapters of real guests, which run or are off, on hosts of both generations.</summary>
public sealed class AdapterTests(RealLab lab) : LabTest(lab)
{
    private const string Bridge = "guests"; // that of the lab's Linux guest
    private const string Mac = "52:54:00:00:00:01";

    public static TheoryData<string> Hosts => ["k1", "k2"];

    protected override string? Obstacle => Lab.NetworkObstacle;

    [Theory]
    [MemberData(nameof(Hosts))]
    public async Task An_adapter_comes_to_a_VM_that_runs_its_cable_is_pulled_there_and_in_the_definition_and_it_counts_on(string host)
    {
        var vm = await CreateTickAsync(host);
        var adapter = await VMAdapters.AddAsync(vm, new AdapterSettings { Bridge = Bridge }, "virtio", Mac, CancellationToken.None);
        Assert.Equal(
            (Mac, AdapterKind.Bridge, Bridge, "virtio", true),
            (adapter.MacAddress, adapter.Kind, adapter.Source, adapter.Model, adapter.IsConnected));
        Assert.NotNull(adapter.HostDevice);

        adapter = await VMAdapters.SetAsync(adapter, new AdapterSettings { IsConnected = false }, CancellationToken.None);
        Assert.False(adapter.IsConnected);
        string[] link = ["virsh", "-q", "domif-getlink", "tick", Mac];
        Assert.Contains("down", await Lab.ExecuteAsync(host, link), StringComparison.Ordinal);
        Assert.Contains("down", await Lab.ExecuteAsync(host, [.. link, "--config"]), StringComparison.Ordinal);

        // A network that is not there changes neither.
        await RefusedAsync(
            HypervisorError.ResourceUnavailable,
            () => VMAdapters.SetAsync(adapter, new AdapterSettings { Network = "none", IsConnected = true }, CancellationToken.None));
        await RefusedAsync(
            HypervisorError.InvalidState,
            () => VMAdapters.AddAsync(vm, new AdapterSettings { Bridge = Bridge }, "virtio", Mac, CancellationToken.None));
        Assert.All(await DefinedAsync(host), one => Assert.Equal("down", (string?)one.Element("link")?.Attribute("state")));

        // What a VM that is off may have, and one that runs cannot get, changes neither: a bridge of Linux knows no VLANs.
        await Assert.ThrowsAsync<HypervisorException>(
            () => VMAdapters.SetAsync(adapter, new AdapterSettings { Vlan = 7 }, CancellationToken.None));
        Assert.All(await DefinedAsync(host), one => Assert.Null(one.Element("vlan")));
        adapter = await VMAdapters.SetAsync(adapter, new AdapterSettings { IsConnected = true }, CancellationToken.None);
        Assert.True(adapter.IsConnected);
        await Lab.CountsOnAsync(host, "tick");
    }

    /// <summary>The tick guest knows nothing of PCI.</summary>
    [Fact]
    public async Task A_guest_that_does_not_let_go_keeps_its_adapter_and_the_waiting_can_be_ended()
    {
        var vm = await CreateTickAsync("k2");
        var adapter = await VMAdapters.AddAsync(vm, new AdapterSettings { Bridge = Bridge }, "virtio", Mac, CancellationToken.None);
        using var stop = new CancellationTokenSource();
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => VMAdapters.RemoveAsync(adapter, stop.Token));
        Assert.Equal(2, (await DefinedAsync("k2")).Count);
    }

    [Theory]
    [MemberData(nameof(Hosts))]
    public async Task A_VM_that_is_off_has_what_virsh_would_have_given_it_and_loses_it(string host)
    {
        var vm = await CreateAsync(Host(host), "tick", "idle", start: false);
        var adapter = await VMAdapters.AddAsync(vm, new AdapterSettings { Bridge = Bridge }, "virtio", Mac, CancellationToken.None);
        var ours = Bare(Assert.Single(await DefinedAsync(host)));
        await VMAdapters.RemoveAsync(adapter, CancellationToken.None);
        await VMAdapters.RemoveAsync(adapter, CancellationToken.None); // it is gone, as was wanted
        Assert.Empty(await DefinedAsync(host));

        await Lab.ExecuteAsync(
            host, "virsh", "-q", "attach-interface", "tick", "bridge", Bridge, "--model", "virtio", "--mac", Mac, "--config");
        Assert.Equal(Bare(Assert.Single(await DefinedAsync(host))), ours);

        // Limits and VLAN are those that virsh shows.
        adapter = Assert.Single(await VMAdapters.ReadAsync(vm, CancellationToken.None));
        adapter = await VMAdapters.SetAsync(
            adapter, new AdapterSettings { InboundKiBPerSec = 2048, OutboundKiBPerSec = 1024, Vlan = 7 }, CancellationToken.None);
        Assert.Equal((2048, 1024, 7), (adapter.InboundKiBPerSec, adapter.OutboundKiBPerSec, adapter.Vlan));
        var tuned = await Lab.ExecuteAsync(host, "virsh", "-q", "domiftune", "tick", Mac, "--config");
        Assert.Contains("inbound.average: 2048", tuned, StringComparison.Ordinal);
        adapter = await VMAdapters.SetAsync(
            adapter, new AdapterSettings { InboundKiBPerSec = 0, OutboundKiBPerSec = 0, Vlan = 0 }, CancellationToken.None);
        Assert.Equal(Bare(Assert.Single(await DefinedAsync(host))), ours);
        await RefusedAsync(
            HypervisorError.ResourceUnavailable,
            () => VMAdapters.AddAsync(vm, new AdapterSettings { Network = "none" }, "virtio", null, CancellationToken.None));
        Assert.Single(await VMAdapters.ReadAsync(vm, CancellationToken.None));
    }

    private static string Bare(XElement adapter)
    {
        var bare = new XElement(adapter);
        bare.Elements("address").Remove();
        return bare.ToString();
    }

    private static async Task RefusedAsync(HypervisorError error, Func<Task> call)
    {
        var refusal = await Assert.ThrowsAsync<HypervisorException>(call);
        Assert.Equal(error, refusal.Error);
        Assert.NotEmpty(refusal.RecommendedAction!);
    }

    /// <summary>Without ACPI a machine takes no devices while it runs.</summary>
    private async Task<KumoiVM> CreateTickAsync(string host) => await CreateXmlAsync(
        Host(host),
        (await Lab.XmlAsync("tick", "idle")).Replace("</os>", "</os><features><acpi/></features>", StringComparison.Ordinal));

    /// <summary>The adapter as virsh shows it now, and in the definition.</summary>
    private async Task<List<XElement>> DefinedAsync(string host)
    {
        List<XElement> found = [];
        var isOff = await StateAsync(host, "tick") is PowerState.Shutoff;
        foreach (var how in isOff ? (string[])["--inactive"] : ["--security-info", "--inactive"])
        {
            var domain = XElement.Parse(await Lab.ExecuteAsync(host, "virsh", "-q", "dumpxml", "tick", how));
            found.AddRange(domain.Elements("devices").Elements("interface"));
        }

        return found;
    }
}
