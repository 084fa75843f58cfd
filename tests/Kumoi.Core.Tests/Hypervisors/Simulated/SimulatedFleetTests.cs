using System.Globalization;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Simulated;
using Xunit;

namespace Kumoi.Tests.Hypervisors.Simulated;

/// <summary>Which hosts a URI stands for, and how long they live.</summary>
public sealed class SimulatedFleetTests
{
    private readonly SimulatedDriver _driver = new(new ManualTime());

    /// <summary>Written down from another process: a seed must mean the same hosts everywhere and for ever.</summary>
    [Theory]
    [InlineData("kvm01", 0.5786, 60934848512, "web rack1", "kvm01-1 3f82197d-b90d-2bff-12a3-fa55de05ed4e Running 4096; kvm01-2 "
        + "03ca1600-5bf1-e176-ca70-b9858ecd18d0 Shutoff 1024")]
    [InlineData("kvm02", 0.4062, 61471719424, "web rack2", "kvm02-1 5a39d35a-c601-55d1-c595-fd6d6f4805ec Running 4096; kvm02-2 "
        + "432d192b-639b-6d50-3e1d-98f2c007a1a1 Shutoff 1024")]
    [InlineData("kvm03", 0.342, 63350767616, "db rack3", "kvm03-1 4e07fde3-b97c-88b7-a8ed-29a55f8795d0 Running 2048; kvm03-2 "
        + "5d110e18-18da-9a1d-7d6d-11b4a99d9415 Shutoff 1024")]
    public async Task The_same_seed_gives_the_same_readings_in_every_process(
        string name, double cpuRatio, long free, string tags, string vms)
    {
        await using var link = await OpenAsync("sim://lab?hosts=20&vms=2&seed=7", name);
        var reading = await link.SendAsync(new ReadHost(true), CancellationToken.None);
        Assert.Equal((name, cpuRatio, free), (reading.HostName, reading.CpuRatio, reading.FreeMemoryBytes));
        Assert.Equal(tags, string.Join(' ', reading.Tags));
        Assert.Equal(vms, string.Join("; ", reading.VMs!.Select(vm =>
            string.Create(CultureInfo.InvariantCulture, $"{vm.Name} {vm.Id} {vm.State} {vm.MemoryBytes >> 20}"))));
        Assert.Equal(ManualTime.Start, reading.CapturedAt);
    }

    /// <summary>Bytes per second: the four counters of each host's first VM after one second. Written down from another process.</summary>
    [Theory]
    [InlineData("kvm01", "543741 1333696 180713 514735")]
    [InlineData("kvm02", "3832818 2045592 289342 610834")]
    public async Task The_same_seed_gives_the_same_traffic_in_every_process(string name, string bytes)
    {
        var time = new ManualTime();
        var driver = new SimulatedDriver(time);
        await using var link = await driver.OpenAsync(driver.Resolve($"sim://lab/{name}?hosts=20&vms=2&seed=7")[0], CancellationToken.None);
        time.Advance(TimeSpan.FromSeconds(1));
        var vm = (await link.SendAsync(new ReadVMs(), CancellationToken.None))[0];
        Assert.Equal(bytes, string.Create(
            CultureInfo.InvariantCulture, $"{vm.DiskReadBytes} {vm.DiskWrittenBytes} {vm.NetworkReceivedBytes} {vm.NetworkSentBytes}"));
    }

    [Fact]
    public async Task A_host_reads_the_same_however_many_others_there_are()
    {
        await using var few = await OpenAsync("sim://lab?hosts=20&vms=2&seed=7", "kvm03");
        await using var many = await OpenAsync("sim://lab?hosts=90&vms=2&seed=7", "kvm03");
        var one = await ReadAsync(few);
        Assert.Equal(one, await ReadAsync(many));
        Assert.Equal(2, one.Split('\n').Length - 1);

        // Hosts differ, so that it is not for want of anything to tell.
        await using var other = await OpenAsync("sim://lab?hosts=90&vms=2&seed=7", "kvm04");
        Assert.NotEqual(one, await ReadAsync(other));
    }

    [Fact]
    public async Task Another_seed_gives_other_readings()
    {
        await using var one = await OpenAsync("sim://lab?vms=2&seed=7", "kvm01");
        await using var same = await OpenAsync("sim://lab?vms=2&seed=7", "kvm01");
        var seeds = new HashSet<string>(StringComparer.Ordinal) { await ReadAsync(one) };
        Assert.False(seeds.Add(await ReadAsync(same)));
        for (var seed = 8; seed < 20; seed++)
        {
            await using var other = await OpenAsync($"sim://lab?vms=2&seed={seed}", "kvm01");
            Assert.True(seeds.Add(await ReadAsync(other)), $"seed {seed} is as an earlier one");
        }
    }

    /// <summary>All that a host says of itself and of its VMs, but for the moment.</summary>
    private static async Task<string> ReadAsync(IHypervisorLink link)
    {
        var host = await link.SendAsync(new ReadHost(true), CancellationToken.None);
        return string.Create(CultureInfo.InvariantCulture, $"{host.CpuCount} {host.CpuRatio} {host.MemoryBytes} {host.FreeMemoryBytes}")
            + string.Concat(host.VMs!.Select(vm => string.Create(
                CultureInfo.InvariantCulture, $"\n{vm.Name} {vm.State} {vm.CpuCount} {vm.MemoryBytes} {vm.CpuTime.TotalSeconds}")));
    }

    [Theory]
    [InlineData("sim://lab?hosts=3", "kvm01 kvm02 kvm03")]
    [InlineData("sim://lab/kvm02?hosts=3", "kvm02")]
    [InlineData("SIM://lab/?hosts=1", "kvm01")]
    public void A_URI_stands_for_a_fleet_or_for_one_host_of_it(string uri, string expected)
    {
        Assert.True(_driver.Handles(uri));
        var addresses = _driver.Resolve(uri);
        Assert.Equal(expected, string.Join(' ', addresses.Select(address => address.ExpectedName)));
        Assert.All(addresses, address => Assert.Equal(address, Assert.Single(_driver.Resolve(address.Uri))));
    }

    [Fact]
    public void Host_names_have_as_many_digits_as_the_last_one_needs()
    {
        Assert.Equal("kvm001", _driver.Resolve("sim://lab?hosts=100")[0].ExpectedName);
        Assert.Equal("kvm100", _driver.Resolve("sim://lab?hosts=100")[^1].ExpectedName);
    }

    [Theory]
    [InlineData("sim://")]
    [InlineData("sim://lab?hosts=0")]
    [InlineData("sim://lab?hosts=1000001")]
    [InlineData("sim://lab?hosts=-1")]
    [InlineData("sim://lab?hosts=many")]
    [InlineData("sim://lab?hosts")]
    [InlineData("sim://lab?vms=10001")]
    [InlineData("sim://lab?colour=1")]
    [InlineData("sim://lab/kvm21")]
    [InlineData("sim://lab/kvm1")]
    [InlineData("sim://lab/ibm01")]
    [InlineData("sim://lab/kvm01/more")]
    public void Any_other_URI_is_refused_with_an_example(string uri)
    {
        var refused = Assert.Throws<HypervisorException>(() => _driver.Resolve(uri));
        Assert.Equal(HypervisorError.InvalidUri, refused.Error);
        Assert.Contains("sim://lab?", refused.RecommendedAction, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("qemu:///system")]
    [InlineData("test:///default")]
    [InlineData("simulated")]
    public void URIs_of_other_drivers_are_left_to_them(string uri) => Assert.False(_driver.Handles(uri));

    [Fact]
    public async Task A_fleet_lives_from_its_first_link_to_its_last()
    {
        const string uri = "sim://lab?hosts=2&vms=0";
        var first = await OpenAsync(uri, "kvm01");
        var second = await OpenAsync(uri, "kvm02");
        await first.SendAsync(new DefineVM(new VMSpec { Name = "made" }), CancellationToken.None);

        await first.DisposeAsync();
        await first.DisposeAsync();
        await using (var again = await OpenAsync(uri, "kvm01"))
        {
            Assert.Single(await again.SendAsync(new ReadVMs(), CancellationToken.None));
        }

        await second.DisposeAsync();
        await using var fresh = await OpenAsync(uri, "kvm01");
        Assert.Empty(await fresh.SendAsync(new ReadVMs(), CancellationToken.None));
    }

    [Fact]
    public async Task A_closed_link_fails_as_a_lost_connection_of_the_host()
    {
        var link = await OpenAsync("sim://lab", "kvm01");
        await link.DisposeAsync();
        var failure = await Assert.ThrowsAsync<HypervisorException>(() => link.SendAsync(new ReadVMs(), CancellationToken.None).AsTask());
        Assert.Equal((HypervisorError.ConnectionFailed, FaultDomain.Host), (failure.Error, failure.FaultDomain));
    }

    [Fact]
    public async Task Every_call_takes_the_delay_of_the_fleet()
    {
        var time = new ManualTime();
        var driver = new SimulatedDriver(time);
        await using var link = await driver.OpenAsync(driver.Resolve("sim://lab?delay=50")[0], CancellationToken.None);
        var reading = link.SendAsync(new ReadHost(false), CancellationToken.None);
        time.Advance(TimeSpan.FromMilliseconds(49));
        Assert.False(reading.IsCompleted);
        time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(time.GetUtcNow(), (await reading).CapturedAt);
    }

    private async Task<IHypervisorLink> OpenAsync(string uri, string host) =>
        await _driver.OpenAsync(_driver.Resolve(uri).Single(address => address.ExpectedName == host), CancellationToken.None);
}
