using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Speculation;
using Xunit;

namespace Kumoi.Tests.Speculation.Migration;

/// <summary>What cannot go well is not begun.</summary>
public sealed class PreflightTests
{
    [Fact]
    public async Task A_target_that_cannot_take_the_VM_is_left_out_and_the_next_takes_its_place_at_once()
    {
        await using var site = await Site.OpenAsync(hosts: 4);
        await FillAsync(site, 2);
        var controller = new Controller();
        await using var fleet = await site.StartAsync(controller);
        var result = await site.MigrateAsync(fleet, new SpeculationOptions { Replicas = 2 });
        Assert.Equal("kvm03", result.VM.VMHost);
        Assert.Equal(["kvm03", "kvm04", "kvm02"], result.Replicas.Select(replica => replica.VMHost));
        Assert.Equal((ReplicaEnding.Unknown, true), (result.Replicas[2].Ending, result.Replicas[2].IsClean));
        Assert.Contains("memory free", result.Replicas[2].Reason, StringComparison.Ordinal);
        Assert.DoesNotContain("prepare kvm02", controller.Calls);
        Assert.Equal(["kvm03", "kvm04"], controller.Calls.Where(call => call.StartsWith("prepare", StringComparison.Ordinal))
            .Select(call => call[8..]).Order());
    }

    [Fact]
    public async Task It_costs_one_call_to_each_target_and_none_more_to_the_source()
    {
        await using var site = await Site.OpenAsync();
        var controller = new Controller();
        await using var fleet = await site.StartAsync(controller);
        await site.MigrateAsync(fleet);
        var calls = controller.Calls.TakeWhile(call => call is not "plan journal").ToList();
        Assert.Equal("needs kvm01", calls[0]);
        Assert.Equal(["check kvm02", "check kvm03"], calls.Skip(1).Order());
    }

    [Fact]
    public async Task A_target_that_cannot_be_asked_is_left_out_and_has_failed()
    {
        await using var site = await Site.OpenAsync();
        var controller = new Controller
        {
            Fault = (host, call, _) =>
                (host, call) is ("kvm02", "check") ? new("no answer", error: HypervisorError.ConnectionFailed) : null,
        };
        await using var fleet = await site.StartAsync(controller);
        var result = await site.MigrateAsync(fleet);
        Assert.Equal("kvm03", await site.AssertOneCopyAsync("left out"));
        Assert.Equal(("kvm02", ReplicaEnding.Failed, "no answer"),
            (result.Replicas[1].VMHost, result.Replicas[1].Ending, result.Replicas[1].Reason));
    }

    [Fact]
    public async Task Where_no_target_can_take_it_nothing_is_begun_and_the_first_reason_is_the_error()
    {
        await using var site = await Site.OpenAsync();
        await FillAsync(site, 2);
        await FillAsync(site, 3);
        var controller = new Controller();
        await using var fleet = await site.StartAsync(controller);
        var failure = await Assert.ThrowsAsync<SpeculationFailedException>(() => site.MigrateAsync(fleet));
        Assert.StartsWith("'kvm01-1' stays on kvm01: kvm02 has ", failure.Message, StringComparison.Ordinal);
        Assert.Equal((FaultDomain.Host, HypervisorError.ResourceUnavailable),
            (failure.FaultDomain, ((HypervisorException)failure.InnerException!).Error));
        Assert.Equal(2, failure.Replicas.Count);
        Assert.DoesNotContain("begin kvm01", controller.Calls);
        Assert.Equal("kvm01", await site.AssertOneCopyAsync("refused"));
        Assert.Empty(await site.UnfinishedAsync());
    }

    [Fact]
    public async Task What_is_the_VMs_own_obstacle_is_told_at_once_and_no_target_is_asked()
    {
        await using var site = await Site.OpenAsync();
        await site.TurnOffAsync(hasHome: true);
        var controller = new Controller();
        await using var fleet = await site.StartAsync(controller);
        var failure = await Assert.ThrowsAsync<HypervisorException>(() => site.MigrateAsync(fleet));
        Assert.Equal((FaultDomain.VM, HypervisorError.InvalidState), (failure.FaultDomain, failure.Error));
        Assert.DoesNotContain(controller.Calls, call => call.StartsWith("check", StringComparison.Ordinal) || call.EndsWith(
            "journal", StringComparison.Ordinal));
    }

    /// <summary>Leaves the host no memory for another VM.</summary>
    private static async Task FillAsync(Site site, int host)
    {
        var link = site.Observe(host);
        var free = (await link.SendAsync(new ReadHost(IncludeVMs: false), default)).FreeMemoryBytes;
        var filler = await link.SendAsync(new DefineVM(new VMSpec { Name = "filler", MemoryBytes = free }), default);
        await link.SendAsync(new StartVM(filler.Id, Paused: false), default);
    }
}
