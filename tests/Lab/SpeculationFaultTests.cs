using System.Globalization;
using System.Net;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Speculation;
using Kumoi.Tests.Speculation;
using Xunit;

namespace Kumoi.Tests.Lab;

/// <summary>
/// The whole protocol of a migration to several targets, with a journal, on real hosts that fail at the worst moments. At the end, or after
/// the repair, exactly one copy of the VM runs, and it is the same guest.
/// </summary>
public sealed class SpeculationFaultTests(RealLab lab) : SpeculationFaultTest(lab)
{
    [Fact]
    public async Task Where_a_winners_image_is_in_use_its_definition_is_removed_and_the_next_one_wins()
    {
        var vm = await StartWithWritableDiskAsync();
        await OccupyDiskAsync("k2");
        var before = Lab.Counter("k1", VM)!.Value;

        // One after the other: of two at once, the second may not have all of it yet when the first has.
        var result = await MigrateAsync(vm, ["k2", "k3"], options => Unsafely(options) with { Replicas = 1 });

        Assert.Equal(("k2", "k3"), (FirstTried("finish"), result.VM.VMHost));
        await EndsOnlyOnAsync("k3", before);
    }

    [Fact]
    public async Task Where_the_only_targets_image_is_in_use_its_definition_is_removed_and_the_source_goes_on()
    {
        var vm = await StartWithWritableDiskAsync();
        await OccupyDiskAsync("k2");
        var before = Lab.Counter("k1", VM)!.Value;

        var failure = await Assert.ThrowsAsync<SpeculationFailedException>(
            () => MigrateAsync(vm, ["k2"], Unsafely));

        Assert.Contains("lock", failure.Message, StringComparison.Ordinal);
        await EndsOnlyOnAsync("k1", before);
    }

    [Fact]
    public async Task The_answer_of_the_starting_step_is_lost_and_the_host_tells_that_it_has_won()
    {
        var vm = await StartAsync("warm");
        var before = Lab.Counter("k1", VM)!.Value;
        Forward("k2", "k3");
        On("finish", host =>
        {
            Forwarders[host].Mute();
            Fault = LoseAnswerAsync(host, isReachableAgain: true);
        });

        var result = await MigrateAsync(vm, ["k2", "k3"]);

        await Fault;
        Assert.Equal([$"finish {result.VM.VMHost}"], Tried.Where(call => call.StartsWith("finish", StringComparison.Ordinal)));
        await EndsOnlyOnAsync(result.VM.VMHost, before);
    }

    [Fact]
    public async Task The_answer_is_lost_and_the_host_with_it_so_nothing_is_started_elsewhere_until_it_tells()
    {
        var vm = await StartAsync("warm");
        var before = Lab.Counter("k1", VM)!.Value;
        Forward("k2", "k3");
        On("finish", host =>
        {
            Forwarders[host].Mute();
            Fault = LoseAnswerAsync(host, isReachableAgain: false);
        });

        await IsUndecidedAsync(MigrateAsync(vm, ["k2", "k3"]));

        await Fault;
        var winner = FirstTried("finish");
        await IsNotRepairedAsync();
        Assert.Equal((VMWhereabouts.MigrationPaused, VMWhereabouts.Running), (await PlaceAsync("k1"), await PlaceAsync(winner)));
        Forwarders[winner].Open();
        Assert.Equal(winner, (await RepairAsync()).VMHost);
        await EndsOnlyOnAsync(winner, before);
    }

    [Fact]
    public async Task The_starting_step_does_not_reach_the_host_and_the_source_goes_on_when_the_host_has_told()
    {
        var vm = await StartAsync("warm");
        var before = Lab.Counter("k1", VM)!.Value;
        Forward("k2", "k3");
        On("finish", host => Forwarders[host].Close());

        await IsUndecidedAsync(MigrateAsync(vm, ["k2", "k3"]));

        await IsNotRepairedAsync();
        Assert.Equal(VMWhereabouts.MigrationPaused, await PlaceAsync("k1"));
        Forwarders[FirstTried("finish")].Open();
        Assert.Equal("k1", (await RepairAsync()).VMHost);
        await EndsOnlyOnAsync("k1", before);
    }

    [Theory]
    [InlineData("finish", true)]
    [InlineData("finish", false)]
    [InlineData("confirm", true)]
    public async Task The_sources_host_loses_power_and_what_it_holds_is_removed_when_it_is_back(string step, bool isBefore)
    {
        var vm = await StartAsync("warm");
        var before = Lab.Counter("k1", VM)!.Value;
        OnAsync(step, _ =>
        {
            Fault = Lab.HurtAsync("power-off", "k1");
            return isBefore ? Fault : Task.CompletedTask;
        });

        var failure = await IsUndecidedAsync(MigrateAsync(vm, ["k2", "k3"]));

        await Fault;
        var winner = FirstTried("finish");
        Assert.Contains($"has moved to {winner}, and k1 did not confirm it", failure.Message, StringComparison.Ordinal);
        await Lab.CountsOnAsync(winner, VM, before);
        await IsNotRepairedAsync();
        await Lab.MakeWellAsync("k1");
        Assert.Equal(winner, (await RepairAsync()).VMHost);
        await EndsOnlyOnAsync(winner, before);
    }

    [Fact]
    public async Task Source_and_target_need_not_reach_each_other()
    {
        var vm = await StartAsync("warm");
        var before = Lab.Counter("k1", VM)!.Value;
        await Lab.SeparateAsync("k1", "k2");
        try
        {
            Assert.Equal("k2", (await MigrateAsync(vm, ["k2"])).VM.VMHost);
        }
        finally
        {
            await Lab.ReuniteAsync("k1", "k2");
        }

        await EndsOnlyOnAsync("k2", before);
    }

    [Fact]
    public async Task A_target_is_cut_from_here_in_mid_stream_and_another_one_wins()
    {
        var vm = await StartFullAsync();
        var before = Lab.Counter("k1", VM)!.Value;
        // Else it would be waited for, until it is known to have nothing.
        OnAsync("abandon", _ => Lab.ReuniteAsync(null, "k2"));

        var result = await MigrateAsync(vm, ["k2", "k3"], Slowly, new Reached(FullBytes / 3, () => Fault = Lab.SeparateAsync(null, "k2")));

        await Fault;
        Assert.Equal("k3", result.VM.VMHost);
        await Host("k3").Link.SendAsync(new ResumeVM(vm.Id), CancellationToken.None);
        await EndsOnlyOnAsync("k3", before);
    }

    [Fact]
    public async Task The_source_is_lost_from_here_for_a_moment_in_mid_stream_and_the_VM_stays_there()
    {
        var vm = await StartFullAsync();
        var before = Lab.Counter("k1", VM)!.Value;
        Forward("k1");

        var failure = await Assert.ThrowsAsync<SpeculationFailedException>(
            () => MigrateAsync(vm, ["k2", "k3"], Slowly, new Reached(FullBytes / 3, () =>
        {
            Forwarders["k1"].Close();
            Forwarders["k1"].Open();
        })));

        Assert.Contains("stays on k1", failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(Tried, call => call.StartsWith("finish", StringComparison.Ordinal));
        await Host("k1").Link.SendAsync(new ResumeVM(vm.Id), CancellationToken.None);
        await EndsOnlyOnAsync("k1", before);
    }

    [Fact]
    public async Task The_source_is_cut_off_in_mid_stream_and_the_VM_is_repaired_when_it_is_back()
    {
        var vm = await StartFullAsync();
        var before = Lab.Counter("k1", VM)!.Value;

        var failure = await IsUndecidedAsync(MigrateAsync(
            vm, ["k2", "k3"], Slowly, new Reached(FullBytes / 3, () => Fault = Lab.HurtAsync("cut", "k1"))));

        Assert.Contains("k1 does not report what it has of the VM", failure.Message, StringComparison.Ordinal);
        await IsNotRepairedAsync();
        await IsGoneFromTargetsAsync();
        await Lab.MakeWellAsync("k1");
        Assert.Equal("k1", (await RepairAsync()).VMHost);
        Assert.DoesNotContain(Tried, call => call.StartsWith("finish", StringComparison.Ordinal));
        await Host("k1").Link.SendAsync(new ResumeVM(vm.Id), CancellationToken.None);
        await EndsOnlyOnAsync("k1", before);
    }

    [Fact]
    public async Task A_target_has_all_of_it_and_the_stream_ends_before_the_source_has_heard_so_the_source_goes_on()
    {
        byte[] shut = [0, 1, 0, 4, 0, 0, 0, 0]; // the target's last word on the return path
        var vm = await StartAsync("warm");
        var before = Lab.Counter("k1", VM)!.Value;
        Forwarder? stream = null;
        await TellStreamAddressAsync("k2", "k2"); // it is sent to where its daemon is reached, and that is here
        try
        {
            Forward("k2");
            OnAsync("perform", async _ =>
            {
                var listening = await Lab.ExecuteAsync("k2", "sh", "-c", "ss -Hltn | grep -o ':49[0-9]* ' | tr -d ': '");
                var port = int.Parse(listening, CultureInfo.InvariantCulture);
                stream = new Forwarder(
                    new IPEndPoint(Lab.Address, port), new IPEndPoint(IPAddress.Parse(Lab.Host("k2").Address), port), shut);
            });

            await Assert.ThrowsAsync<SpeculationFailedException>(() => MigrateAsync(vm, ["k2"]));

            Assert.True(stream?.IsMute, "The target has not said that it has all of it.");
            Assert.DoesNotContain(Tried, call => call.StartsWith("finish", StringComparison.Ordinal));
            await EndsOnlyOnAsync("k1", before);
        }
        finally
        {
            await (stream?.DisposeAsync() ?? ValueTask.CompletedTask);
            await TellStreamAddressAsync("k2", Lab.Host("k2").Address);
        }
    }

    [Fact]
    public async Task The_source_does_not_hear_what_a_target_has_told_the_relay_so_the_source_goes_on()
    {
        var vm = await StartAsync("warm");
        var before = Lab.Counter("k1", VM)!.Value;
        OnAsync("perform", host => Lab.HurtAsync("deafen", host));

        var failure = await Assert.ThrowsAsync<SpeculationFailedException>(() => MigrateAsync(vm, ["k2", "k3"]));

        Assert.Matches("all was sent, but k1 did not hear that k[23].* the whole state", failure.Message);
        Assert.DoesNotContain(Tried, call => call.StartsWith("finish", StringComparison.Ordinal));
        await EndsOnlyOnAsync("k1", before);
    }

    /// <summary>Its QEMU then does not even hand the VM over, and goes on sending for ever.</summary>
    [Fact]
    public async Task A_newer_source_does_not_hear_that_a_target_is_ready_so_it_goes_on()
    {
        var hosts = Lab.Choose(3, host => host.WaitsForTargets);
        Source = hosts[0];
        var vm = await StartAsync("warm");
        var before = Lab.Counter(Source, VM)!.Value;
        OnAsync("perform", host => Lab.HurtAsync("deafen", host));

        var failure = await Assert.ThrowsAsync<SpeculationFailedException>(() => MigrateAsync(vm, hosts[1..]));

        Assert.Contains($"{Source} did not hear", failure.Message, StringComparison.Ordinal);
        Assert.Equal(FaultDomain.Network, failure.FaultDomain);
        Assert.DoesNotContain(failure.Replicas, replica => replica.Ending is ReplicaEnding.Failed); // it is not the targets that failed
        Assert.DoesNotContain(Tried, call => call.StartsWith("finish", StringComparison.Ordinal));
        await EndsOnlyOnAsync(Source, before);
    }

    [Theory]
    [InlineData("confirm", false)]
    [InlineData("confirm", true)]
    [InlineData("take back", false)]
    [InlineData("take back", true)]
    public async Task The_sources_daemon_is_killed_before_the_source_is_told(string step, bool isBackLater)
    {
        var vm = await StartAsync("warm");
        var before = Lab.Counter("k1", VM)!.Value;
        if (isBackLater)
        {
            Forward("k1");
        }

        OnAsync(step, _ =>
        {
            Forwarders.GetValueOrDefault("k1")?.Close();
            return Lab.HurtAsync("kill-daemon", "k1");
        });
        if (step is "take back")
        {
            RefuseToFinish();
        }

        var failure = await Record.ExceptionAsync(() => MigrateAsync(vm, ["k2"]));

        // Where it is back soon, it is told.
        Assert.True(isBackLater == failure is HypervisorException { OutcomeUnknown: true }, failure?.ToString());
        if (isBackLater)
        {
            await IsNotRepairedAsync();
            Forwarders["k1"].Open();
            Assert.True((await RepairAsync()).IsRepaired);
        }

        await EndsOnlyOnAsync(step is "confirm" ? "k2" : "k1", before);
    }

    [Theory]
    [InlineData("perform", false)]
    [InlineData("finish", false)]
    [InlineData("place", false)]
    [InlineData("confirm", false)]
    [InlineData("confirm", true)]
    [InlineData("resume", true)]
    [InlineData("abandon", false)]
    public async Task The_controller_dies_and_its_journal_is_lost_so_the_marks_tell(string step, bool isStrict)
    {
        var vm = await StartAsync("warm");
        var before = Lab.Counter("k1", VM)!.Value;
        On(step, _ => Controller.Die());

        await Assert.ThrowsAsync<ControllerDiedException>(
            () => MigrateAsync(vm, ["k2", "k3"], options => options with { IsStrict = isStrict }));

        await LoseJournalAsync();
        await RepairOrphansAsync();
        await EndsOnlyOnAsync(step is "perform" or "finish" ? "k1" : FirstTried("finish"), before);
    }
}
