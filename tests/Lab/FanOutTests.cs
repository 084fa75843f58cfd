using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Libvirt;
using Xunit;

namespace Kumoi.Tests.Lab;

/// <summary>One VM, sent to several targets over one stream. The phases are driven by hand here.</summary>
public sealed class FanOutTests(RealLab lab) : FanOutTest(lab)
{
    private readonly List<IAsyncDisposable> _migrations = [];

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public async Task One_stream_brings_the_VM_to_several_targets_and_the_one_that_is_chosen_runs_it(int count)
    {
        var vm = await StartAsync("vhot");
        var before = Lab.Counter("k1", VM)!.Value;
        var drive = await BeginAsync(vm, Targets(count));
        foreach (var target in drive.Incoming)
        {
            Assert.Equal(VMWhereabouts.MigrationPaused, await PlaceAsync(target.HostName));
        }

        var complete = await drive.PerformAsync();
        Assert.Equal(VMWhereabouts.MigrationPaused, await PlaceAsync("k1"));
        await drive.CommitAsync(complete[0]);

        await RunsOnlyOnAsync(complete[0].HostName, before);
        Assert.DoesNotContain("speculation", await Host(complete[0].HostName).Link.SendAsync(new ReadXml(vm.Id), CancellationToken.None),
            StringComparison.Ordinal);
        Assert.True((await Host(complete[0].HostName).Link.SendAsync(new FindVM(vm.Id), CancellationToken.None))!.IsPersistent);
    }

    [Fact]
    public async Task While_it_goes_on_source_and_targets_say_which_operation_it_is_of()
    {
        var vm = await StartAsync("idle");
        var drive = await BeginAsync(vm, Targets(2));

        foreach (var (host, replica) in ((string, string)[])[("k1", "plan"), ("k2", "replica=\"1\""), ("k3", "replica=\"2\"")])
        {
            var xml = await Host(host).Link.SendAsync(new ReadXml(vm.Id), CancellationToken.None);
            Assert.Contains($"operation=\"{drive.Outgoing.Offer.Plan.Operation}\"", xml, StringComparison.Ordinal);
            Assert.Contains("candidate name=\"k3\"", xml, StringComparison.Ordinal);
            Assert.Contains(replica, xml, StringComparison.Ordinal);
        }

        await drive.TakeBackAsync();

        await RunsOnAtTheSourceAsync();
        await IsGoneFromTargetsAsync();
        Assert.DoesNotContain(
            "speculation", await Host("k1").Link.SendAsync(new ReadXml(vm.Id), CancellationToken.None), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_second_migration_of_the_VM_fails_at_once()
    {
        var vm = await StartAsync("idle");
        var drive = await BeginAsync(vm, Targets(1));

        var failure = await Assert.ThrowsAsync<HypervisorException>(
            () => Host("k1").Link.SendAsync(new BeginMigration(vm.Id, Plan(["k3"], null)), CancellationToken.None).AsTask());

        Assert.Equal(HypervisorError.InvalidState, failure.Error);
        await drive.CommitAsync((await drive.PerformAsync())[0]);
        await RunsOnlyOnAsync("k2", 0);
    }

    [Theory]
    [InlineData(0.1)]
    [InlineData(0.5)]
    [InlineData(0.9)]
    public async Task A_target_loses_power_in_mid_stream_and_another_one_wins(double share)
    {
        var vm = await StartFullAsync();
        var before = Lab.Counter("k1", VM)!.Value;
        var drive = await BeginAsync(vm, Targets(3), SlowBytesPerSecond);
        Task? fault = null;
        var midway = new Reached((long)(share * FullBytes), () => fault = Lab.HurtAsync("power-off", "k2"));

        var complete = await drive.PerformAsync(progress: midway);
        Assert.True(fault is not null, $"The stream was over after {midway.Most} bytes.");
        await fault;
        var winner = complete.First(target => target.HostName is not "k2");
        await drive.CommitAsync(winner, except: "k2");
        await Host(winner.HostName).Link.SendAsync(new ResumeVM(vm.Id), CancellationToken.None);

        await Lab.MakeWellAsync("k2");
        await RunsOnlyOnAsync(winner.HostName, before);
    }

    [Fact]
    public async Task A_target_whose_QEMU_is_stuck_does_not_hold_up_the_others_and_is_removed()
    {
        var vm = await StartAsync("vhot");
        var before = Lab.Counter("k1", VM)!.Value;
        var drive = await BeginAsync(vm, Targets(3));
        await Lab.FreezeAsync("k2", VM);

        var complete = await drive.PerformAsync();

        Assert.DoesNotContain("k2", complete.Select(target => target.HostName));
        await drive.CommitAsync(complete[0]);
        await RunsOnlyOnAsync(complete[0].HostName, before);
    }

    [Fact]
    public async Task When_the_only_target_is_stuck_the_VM_runs_on_at_the_source()
    {
        var vm = await StartAsync("vhot");
        var drive = await BeginAsync(vm, Targets(1));
        await Lab.FreezeAsync("k2", VM);

        var failure = await Assert.ThrowsAsync<HypervisorException>(() => drive.PerformAsync());

        Assert.Equal((HypervisorError.TimedOut, false), (failure.Error, failure.OutcomeUnknown));
        Assert.Contains("runs on k1", failure.Message, StringComparison.Ordinal);
        await drive.TakeBackAsync();
        await RunsOnAtTheSourceAsync();
        await IsGoneFromTargetsAsync();
    }

    [Fact]
    public async Task The_daemon_of_a_target_is_killed_in_mid_stream_and_another_one_wins()
    {
        var vm = await StartFullAsync();
        var before = Lab.Counter("k1", VM)!.Value;
        var drive = await BeginAsync(vm, Targets(2), SlowBytesPerSecond);
        Task? fault = null;

        var complete = await drive.PerformAsync(progress: new Reached(FullBytes / 3, () => fault = Lab.HurtAsync("kill-daemon", "k2")));
        await fault!;
        await drive.CommitAsync(complete.First(target => target.HostName is not "k2"));
        await Host("k3").Link.SendAsync(new ResumeVM(vm.Id), CancellationToken.None);

        await RunsOnlyOnAsync("k3", before);
    }

    [Fact]
    public async Task The_daemon_of_the_source_is_killed_in_mid_stream_and_the_VM_runs_on_there()
    {
        var vm = await StartAsync("vhot");
        var drive = await BeginAsync(vm, Targets(2), 4 * MiB);
        Task? fault = null;

        var failure = await Assert.ThrowsAsync<HypervisorException>(
            () => drive.PerformAsync(progress: new Reached(MiB, () => fault = Lab.HurtAsync("kill-daemon", "k1"))));

        await fault!;
        Assert.False(failure.OutcomeUnknown, failure.Message);
        Assert.Contains("runs on k1", failure.Message, StringComparison.Ordinal);
        await drive.TakeBackAsync();
        await RunsOnAtTheSourceAsync();
        await IsGoneFromTargetsAsync();

        // And nothing is left that would be in the way of another one.
        var again = await BeginAsync(vm, Targets(2));
        var complete = await again.PerformAsync();
        await again.CommitAsync(complete[0]);
        await RunsOnlyOnAsync(complete[0].HostName, 0);
    }

    [Fact]
    public async Task Cancelled_in_mid_stream_the_VM_runs_on_at_the_source_and_nothing_is_left()
    {
        var vm = await StartAsync("vhot");
        var drive = await BeginAsync(vm, Targets(2), 4 * MiB);
        using var cancellation = new CancellationTokenSource();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => drive.PerformAsync(progress: new Reached(MiB, cancellation.Cancel), cancellationToken: cancellation.Token));
        await drive.TakeBackAsync();

        await RunsOnAtTheSourceAsync();
        await IsGoneFromTargetsAsync();
        Assert.DoesNotContain(
            "speculation", await Host("k1").Link.SendAsync(new ReadXml(vm.Id), CancellationToken.None), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_VM_that_somebody_has_paused_arrives_paused()
    {
        var vm = await StartAsync("warm");
        await Host("k1").Link.SendAsync(new SuspendVM(vm.Id), CancellationToken.None);
        var drive = await BeginAsync(vm, Targets(2));
        Assert.True(drive.Outgoing.Offer.IsPaused);

        var complete = await drive.PerformAsync();
        await drive.CommitAsync(complete[0]);
        var winner = complete[0].HostName;

        Assert.Equal(PowerState.Paused, await StateAsync(winner, VM));
        Assert.Equal(VMWhereabouts.Absent, await PlaceAsync("k1"));
        await Host(winner).Link.SendAsync(new ResumeVM(vm.Id), CancellationToken.None);
        await RunsOnlyOnAsync(winner, Lab.Counter("k1", VM)!.Value);
    }

    [Fact]
    public async Task A_paused_VM_stays_paused_at_the_source_when_it_is_taken_back()
    {
        var vm = await StartAsync("warm");
        await Host("k1").Link.SendAsync(new SuspendVM(vm.Id), CancellationToken.None);
        var drive = await BeginAsync(vm, Targets(2));
        await drive.PerformAsync();

        await drive.TakeBackAsync();

        Assert.Equal(PowerState.Paused, await StateAsync("k1", VM));
        await IsGoneFromTargetsAsync();
    }

    [Fact]
    public async Task What_was_handed_over_can_be_taken_back()
    {
        var vm = await StartAsync("warm");
        var drive = await BeginAsync(vm, Targets(2));
        await drive.PerformAsync();
        Assert.Equal(VMWhereabouts.MigrationPaused, await PlaceAsync("k1"));

        await drive.TakeBackAsync();

        await RunsOnAtTheSourceAsync();
        await IsGoneFromTargetsAsync();
    }

    [Fact]
    public async Task A_target_at_a_tenth_of_the_rate_is_left_behind()
    {
        var vm = await StartAsync("vhot");
        await Lab.ThrottleAsync("k2", 10 * MiB); // the network itself has no limit
        try
        {
            var drive = await BeginAsync(vm, Targets(2));
            var last = new Last();

            // It would never end at the slow one's rate: the guest writes 73 MiB/s. What a busy machine keeps the other from taking at once
            // must fit into its buffer.
            var complete = await drive.PerformAsync(new ReplicaBudget { BufferBytes = (int)(8 * MiB) }, last);

            Assert.Equal(["k3"], complete.Select(target => target.HostName));
            Assert.Contains("buffer", last.Of("k2").Dropped, StringComparison.Ordinal);
            await drive.CommitAsync(complete[0]);
        }
        finally
        {
            await Lab.UnthrottleAsync("k2");
        }

        await RunsOnlyOnAsync("k3", 0);
    }

    [Fact]
    public async Task When_the_controller_dies_after_the_switch_the_source_stays_paused_and_the_targets_vanish()
    {
        var vm = await StartAsync("warm");
        var drive = await BeginAsync(vm, Targets(2));
        await drive.PerformAsync();

        await drive.DisposeAsync();

        await IsGoneFromTargetsAsync();
        Assert.Equal(VMWhereabouts.MigrationPaused, await PlaceAsync("k1"));
        await Host("k1").Link.SendAsync(new ResumeVM(vm.Id), CancellationToken.None);
        await RunsOnAtTheSourceAsync();
    }

    [Fact]
    public async Task Over_a_local_socket_the_address_of_the_relay_must_be_given()
    {
        var vm = await StartAsync("idle");
        await using var link = await new LibvirtDriver().OpenAsync(new HostAddress(Lab.Host("k1").Uri, "k1"), CancellationToken.None);

        var failure = await Assert.ThrowsAsync<HypervisorException>(
            () => link.SendAsync(new BeginMigration(vm.Id, Plan(["k2"], null)), CancellationToken.None).AsTask());

        Assert.Equal(HypervisorError.NotSupported, failure.Error);
        Assert.Contains("RelayAddress", failure.RecommendedAction, StringComparison.Ordinal);
    }

    protected override async ValueTask EndAsync()
    {
        foreach (var migration in _migrations)
        {
            await migration.DisposeAsync();
        }
    }

    private static MigrationPlan Plan(string[] targets, long? bytesPerSecond) =>
        new(new SpeculationMark(OperationId.New(), false, "k1", targets, ""),
            new MigrationOptions { BandwidthBytesPerSecond = bytesPerSecond, StallTimeout = TimeSpan.FromSeconds(3) });

    private async Task<Drive> BeginAsync(KumoiVM vm, string[] targets, long? bytesPerSecond = null)
    {
        var outgoing = await Host("k1").Link.SendAsync(new BeginMigration(vm.Id, Plan(targets, bytesPerSecond)), CancellationToken.None);
        _migrations.Add(outgoing);
        var incoming = await Task.WhenAll(
            targets.Select(
                (target, i) => Host(target).Link.SendAsync(new PrepareMigration(outgoing.Offer, i + 1), CancellationToken.None).AsTask()));
        _migrations.AddRange(incoming);
        return new Drive(outgoing, incoming, name => Host(name).Link);
    }

    /// <summary>The phases in their order.</summary>
    private sealed class Drive(
        IOutgoingMigration outgoing, IReadOnlyList<IIncomingMigration> incoming, Func<string, IHypervisorLink> link) : IAsyncDisposable
    {
        private IHypervisorLink Source => link(outgoing.Offer.Plan.Mark.Home!);

        public IOutgoingMigration Outgoing => outgoing;

        public IReadOnlyList<IIncomingMigration> Incoming => incoming;

        /// <summary>Ends by itself: a guest that writes faster than a busy machine sends would migrate for ever.</summary>
        public async Task<IReadOnlyList<IIncomingMigration>> PerformAsync(
            ReplicaBudget? budget = null, IProgress<ReplicaProgress>? progress = null, CancellationToken cancellationToken = default)
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(TimeSpan.FromMinutes(2));
            return await Source.SendAsync(
                new PerformMigration(outgoing, incoming, budget ?? new ReplicaBudget()) { Progress = progress }, limit.Token);
        }

        /// <summary>The others are abandoned, except one whose host is off.</summary>
        public async Task CommitAsync(IIncomingMigration winner, string? except = null)
        {
            await link(winner.HostName).SendAsync(new FinishMigration(winner), CancellationToken.None);
            await Source.SendAsync(new ConfirmMigration(outgoing, Cancelled: false), CancellationToken.None);
            await Task.WhenAll(incoming.Where(other => other != winner && other.HostName != except).Select(AbandonAsync));
        }

        public async Task TakeBackAsync()
        {
            await Task.WhenAll(incoming.Select(AbandonAsync));
            await Source.SendAsync(new ConfirmMigration(outgoing, Cancelled: true), CancellationToken.None);
        }

        private Task AbandonAsync(IIncomingMigration target) =>
            link(target.HostName).SendAsync(new AbandonMigration(target), CancellationToken.None).AsTask();

        public async ValueTask DisposeAsync()
        {
            await outgoing.DisposeAsync();
            foreach (var target in incoming)
            {
                await target.DisposeAsync();
            }
        }
    }

    /// <summary>Keeps what was said last of each target.</summary>
    private sealed class Last : IProgress<ReplicaProgress>
    {
        private readonly Dictionary<string, ReplicaProgress> _last = [];

        public ReplicaProgress Of(string target) => _last[target];

        public void Report(ReplicaProgress value) => _last[value.Target] = value;
    }
}
