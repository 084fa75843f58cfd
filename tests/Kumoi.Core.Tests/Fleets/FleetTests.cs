using Kumoi.Fleets;
using Kumoi.Fleets.Links;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Faults;
using Xunit;

namespace Kumoi.Tests.Fleets;

public sealed class FleetTests
{
    [Fact]
    public async Task Twenty_hosts_with_one_unreachable_give_nineteen_connections_and_one_failure_in_order()
    {
        await using var lab = LabFleet.Empty();
        lab.Break("kvm07", FaultOperation.Connect, FaultDomain.Host);
        var outcomes = await ConnectAsync(lab.Fleet, "sim://lab?hosts=20");

        Assert.Equal(Enumerable.Range(1, 20).Select(i => i is 7 ? "kvm07 failed" : $"kvm{i:00}"), outcomes.Select(Text));
        Assert.Equal(19, lab.Fleet.Hosts.Count);
        Assert.Null(lab.Fleet.Find("kvm07"));

        static string Text(Outcome<string, KumoiConnection> outcome) =>
            outcome.Succeeded ? outcome.Result.Name : outcome.Element + " failed";
    }

    [Theory]
    [InlineData(HypervisorError.ConnectionFailed, true, 1)] // somebody has said no, and would say it again
    [InlineData(HypervisorError.TimedOut, false, 1)] // it has had its time
    [InlineData(HypervisorError.ConnectionFailed, false, 2)] // it broke off in the middle, as sshd does when too many come at once
    public async Task To_connect_is_tried_again_only_where_that_may_help(HypervisorError error, bool isRefusal, int tries)
    {
        var driver = new GateDriver();
        driver.Openings.Enqueue(new HypervisorException("no", FaultDomain.Host, isTransient: true, error: error) { IsRefusal = isRefusal });
        await using var lab = LabFleet.Empty(driver);
        lab.Fleet.Limits = lab.Fleet.Limits with { RetryDelay = TimeSpan.Zero };
        var outcome = Assert.Single(await ConnectAsync(lab.Fleet, "gate://a"));
        Assert.Equal(tries > 1, outcome.Succeeded);
        Assert.Equal(tries - 1, driver.Opened.Count);
    }

    [Fact]
    public async Task A_URI_that_no_driver_handles_fails_and_the_others_are_connected()
    {
        await using var lab = LabFleet.Empty();
        var outcomes = await ConnectAsync(lab.Fleet, "nonsense", "sim://lab?hosts=2", "sim://lab?hosts=0");
        Assert.Equal(2, outcomes.Count(outcome => outcome.Succeeded));
        Assert.All(
            outcomes.Where(outcome => !outcome.Succeeded),
            outcome => Assert.Equal(HypervisorError.InvalidUri, Assert.IsType<HypervisorException>(outcome.Error).Error));
    }

    [Fact]
    public async Task Hosts_are_listed_in_natural_order()
    {
        await using var lab = LabFleet.Empty(new GateDriver());
        await ConnectAsync(lab.Fleet, "gate://kvm10,kvm2,kvm1");
        Assert.Equal(["kvm1", "kvm2", "kvm10"], lab.Fleet.Hosts.Select(host => host.Name));
    }

    [Fact]
    public async Task A_host_that_is_connected_already_gives_its_connection_as_it_is()
    {
        var driver = new GateDriver();
        await using var lab = LabFleet.Empty(driver);
        var first = Assert.Single(await ConnectAsync(lab.Fleet, "gate://a")).Result;
        var second = Assert.Single(await ConnectAsync(lab.Fleet, "gate://a")).Result;
        Assert.Same(first, second);
        Assert.Single(driver.Opened);
    }

    [Fact]
    public async Task So_does_one_that_calls_itself_otherwise_than_its_URI()
    {
        var driver = new GateDriver { ReportedName = "rack1-a" };
        await using var lab = LabFleet.Empty(driver);
        var first = Assert.Single(await ConnectAsync(lab.Fleet, "gate://localhost")).Result;
        Assert.Equal("rack1-a", first.Name);
        Assert.Same(first, Assert.Single(await ConnectAsync(lab.Fleet, "gate://localhost")).Result);
    }

    [Fact]
    public async Task A_URI_that_is_given_twice_gives_one_connection_and_leaves_no_link_open()
    {
        var driver = new GateDriver();
        await using var lab = LabFleet.Empty(driver);
        var outcomes = await ConnectAsync(lab.Fleet, "gate://a", "gate://a");
        Assert.Same(outcomes[0].Result, outcomes[1].Result);
        Assert.Single(driver.Opened, link => !link.IsClosed);
    }

    [Fact]
    public async Task Two_hosts_of_one_name_are_not_mixed_up()
    {
        var driver = new GateDriver { ReportedName = "same" };
        await using var lab = LabFleet.Empty(driver);
        await ConnectAsync(lab.Fleet, "gate://a");
        var failure = Assert.IsType<HypervisorException>(Assert.Single(await ConnectAsync(lab.Fleet, "gate://b")).Error);
        Assert.Contains("-Name", failure.RecommendedAction, StringComparison.Ordinal);
        Assert.Single(driver.Opened, link => !link.IsClosed);
    }

    [Fact]
    public async Task A_name_given_is_the_hosts_name_and_is_for_one_host_only()
    {
        var driver = new GateDriver { ReportedName = "same" };
        await using var lab = LabFleet.Empty(driver);
        await foreach (var outcome in lab.Fleet.ConnectAsync(
            [new("gate://a", "left", ["web"]), new("gate://b", "right", []), new("gate://c,d", "both", [])], default))
        {
            Assert.Equal(outcome.Element is not "gate://c,d", outcome.Succeeded);
        }

        Assert.Equal(["left", "right"], lab.Fleet.Hosts.Select(host => host.Name));
        Assert.Equal(["web"], lab.Fleet.Find("left")!.Tags);
    }

    [Fact]
    public async Task One_host_can_be_connected_under_two_names_and_disconnected_under_one()
    {
        await using var lab = LabFleet.Empty(new GateDriver());
        foreach (var name in new[] { "left", "right", "left" })
        {
            await foreach (var outcome in lab.Fleet.ConnectAsync([new("gate://a", name, [])], default))
            {
                Assert.Equal(name, outcome.Result.Name);
            }
        }

        await lab.Fleet.DisconnectAsync(lab.Host("left"));
        Assert.Same(lab.Host("right"), Assert.Single(await ConnectAsync(lab.Fleet, "gate://a")).Result);
        Assert.Single(lab.Fleet.Hosts);
    }

    [Fact]
    public async Task A_disconnected_host_is_gone_and_its_calls_fail()
    {
        var driver = new GateDriver();
        await using var lab = LabFleet.Empty(driver);
        var host = Assert.Single(await ConnectAsync(lab.Fleet, "gate://a")).Result;
        var changes = 0;
        lab.Fleet.Changed += (_, _) => changes++;
        await lab.Fleet.DisconnectAsync(host);
        Assert.Equal((0, 1), (lab.Fleet.Hosts.Count, changes));
        Assert.True(Assert.Single(driver.Opened).IsClosed);
        var failure = await Assert.ThrowsAsync<HypervisorException>(() => host.Link.SendAsync(new ReadHost(false), default).AsTask());
        Assert.Equal(HypervisorError.ConnectionFailed, failure.Error);
        Assert.Single(driver.Opened);
    }

    [Theory]
    [InlineData(2, 100, 2, 6)]
    [InlineData(9, 4, 4, 4)]
    public async Task Calls_under_way_stay_within_the_limits_of_a_host_and_of_all(int perHost, int all, int mostOnOne, int mostAtOnce)
    {
        var driver = new GateDriver { HoldsCalls = true };
        await using var lab = LabFleet.Empty(driver);
        lab.Fleet.Limits = new FleetLimits { MaxCallsPerHost = perHost, MaxCalls = all };
        await ConnectAsync(lab.Fleet, "gate://a,b,c");
        var calls = lab.Fleet.Hosts.SelectMany(
            host => Enumerable.Range(0, 5).Select(_ => host.Link.SendAsync(new ReadHost(false), default).AsTask())).ToList();
        for (var i = 0; i < calls.Count; i++)
        {
            await driver.LetOneEndAsync();
        }

        await Task.WhenAll(calls);
        Assert.True(driver.MostOnOneHost <= mostOnOne, $"{driver.MostOnOneHost} on one host");
        Assert.Equal(mostAtOnce, driver.MostAtOnce);
    }

    private static async Task<List<Outcome<string, KumoiConnection>>> ConnectAsync(Fleet fleet, params string[] uris)
    {
        List<Outcome<string, KumoiConnection>> outcomes = [];
        await foreach (var outcome in fleet.ConnectAsync([.. uris.Select(uri => new ConnectRequest(uri, null, []))], default))
        {
            outcomes.Add(outcome);
        }

        return outcomes;
    }
}
