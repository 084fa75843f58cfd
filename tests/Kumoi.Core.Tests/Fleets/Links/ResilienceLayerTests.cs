using Kumoi.Fleets;
using Kumoi.Fleets.Links;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Xunit;

namespace Kumoi.Tests.Fleets.Links;

/// <summary>What the policy of a fleet does around each call: opening again, retries, time-outs, the breaker.</summary>
public sealed class ResilienceLayerTests : IAsyncLifetime
{
    private readonly GateDriver _driver = new();
    private readonly LabFleet _lab;

    public ResilienceLayerTests()
    {
        _lab = LabFleet.Empty(_driver);
        _lab.Fleet.Limits = new FleetLimits
        {
            Retries = 2,
            RetryDelay = TimeSpan.FromSeconds(1),
            ReadTimeout = TimeSpan.FromSeconds(15),
            WriteTimeout = TimeSpan.FromSeconds(60),
            BreakerMinimumCalls = 3,
            BreakerWindow = TimeSpan.FromSeconds(30),
            BreakerPause = TimeSpan.FromSeconds(20),
        };
    }

    private KumoiConnection Host => _lab.Host("a");

    public async ValueTask InitializeAsync()
    {
        await foreach (var outcome in _lab.Fleet.ConnectAsync([new ConnectRequest("gate://a", null, [])], default))
        {
            Assert.True(outcome.Succeeded);
        }
    }

    public ValueTask DisposeAsync() => _lab.DisposeAsync();

    [Fact]
    public async Task A_lost_connection_is_closed_and_opened_again_at_the_next_call()
    {
        _driver.Script.Enqueue(Lost(isTransient: false));
        Assert.Equal(HypervisorError.ConnectionFailed, (await Assert.ThrowsAsync<HypervisorException>(ReadAsync)).Error);
        Assert.False(Host.IsOpen);
        Assert.True(_driver.Opened[0].IsClosed);

        await ReadAsync();
        Assert.True(Host.IsOpen);
        Assert.Equal(2, _driver.Opened.Count);
    }

    [Fact]
    public async Task A_connection_lost_in_a_transient_way_is_opened_again_by_the_retry()
    {
        _driver.Script.Enqueue(Lost(isTransient: true));
        await PassAsync(ReadAsync());
        Assert.Equal((2, 2), (_driver.Calls, _driver.Opened.Count));
    }

    [Fact]
    public async Task A_transient_failure_is_tried_again_so_many_times()
    {
        _driver.Script.Enqueue(Failure(isTransient: true));
        _driver.Script.Enqueue(Failure(isTransient: true));
        await PassAsync(ReadAsync());
        Assert.Equal(3, _driver.Calls);

        for (var i = 0; i < 3; i++)
        {
            _driver.Script.Enqueue(Failure(isTransient: true));
        }

        await Assert.ThrowsAsync<HypervisorException>(() => PassAsync(ReadAsync()));
        Assert.Equal(6, _driver.Calls);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, true)]
    [InlineData(false, true)]
    public async Task A_lasting_failure_or_one_with_an_unknown_outcome_is_never_tried_again(bool isTransient, bool outcomeUnknown)
    {
        _driver.Script.Enqueue(Failure(isTransient, outcomeUnknown));
        await Assert.ThrowsAsync<HypervisorException>(StartAsync);
        Assert.Equal(1, _driver.Calls);
    }

    [Fact]
    public async Task A_read_that_takes_too_long_is_tried_again_and_then_fails_with_a_known_outcome()
    {
        _driver.HoldsCalls = true;
        var failure = await Assert.ThrowsAsync<HypervisorException>(() => PassAsync(ReadAsync()));
        Assert.Equal((HypervisorError.TimedOut, FaultDomain.Host, false, true),
            (failure.Error, failure.FaultDomain, failure.OutcomeUnknown, failure.IsTransient));
        Assert.Equal(3, _driver.Calls);
    }

    [Fact]
    public async Task A_write_that_takes_too_long_fails_at_once_with_an_unknown_outcome()
    {
        _driver.HoldsCalls = true;
        var start = StartAsync();
        await _driver.CallWaitsAsync();
        _lab.Time.Advance(TimeSpan.FromSeconds(59));
        Assert.False(start.IsCompleted);
        _lab.Time.Advance(TimeSpan.FromSeconds(1));
        var failure = await Assert.ThrowsAsync<HypervisorException>(() => start);
        Assert.Equal((HypervisorError.TimedOut, true, false), (failure.Error, failure.OutcomeUnknown, failure.IsTransient));
        Assert.Equal(1, _driver.Calls);
    }

    [Fact]
    public async Task A_migration_may_take_as_long_as_it_needs()
    {
        _driver.HoldsCalls = true;
        await using var target = new GateLink(_driver, new HostAddress("gate://b", "b"));
        var migration = Host.Link.SendAsync(new MigrateVM(Guid.Empty, target, new MigrationOptions()), default);
        await _driver.CallWaitsAsync();
        _lab.Time.Advance(TimeSpan.FromHours(5));
        await _driver.LetOneEndAsync();
        Assert.Equal("b", (await migration).Name);
    }

    [Fact]
    public async Task Migrations_that_lose_their_target_fail_at_once_and_say_nothing_against_the_source()
    {
        await using var target = new GateLink(_driver, new HostAddress("gate://b", "b"));
        for (var calls = 1; calls <= 10; calls++)
        {
            _driver.Script.Enqueue(Lost(isTransient: true));
            var failure = await Assert.ThrowsAsync<HypervisorException>(
                () => Host.Link.SendAsync(new MigrateVM(Guid.Empty, target, new MigrationOptions()), default).AsTask());

            // Each is made once; then the source is asked whether it is there.
            Assert.Equal((HypervisorError.ConnectionFailed, 2 * calls), (failure.Error, _driver.Calls));
        }

        Assert.True(Host.IsOpen);
        Assert.False(Assert.Single(_driver.Opened).IsClosed); // else the other migrations from this host would end
        await ReadAsync();
    }

    [Fact]
    public async Task A_host_that_is_held_back_begins_no_migration()
    {
        await TripAsync();
        await using var target = new GateLink(_driver, new HostAddress("gate://b", "b"));
        var refused = await Assert.ThrowsAsync<HypervisorException>(
            () => Host.Link.SendAsync(new MigrateVM(Guid.Empty, target, new MigrationOptions()), default).AsTask());
        Assert.Equal((HypervisorError.CircuitOpen, 3), (refused.Error, _driver.Calls));
    }

    [Fact]
    public async Task Waiting_for_a_place_is_no_part_of_a_calls_time()
    {
        await foreach (var outcome in _lab.Fleet.ConnectAsync(
            [new ConnectRequest("gate://b", null, []) { Limits = _lab.Fleet.Limits with { MaxCallsPerHost = 1 } }], default))
        {
            Assert.True(outcome.Succeeded);
        }

        var before = _driver.Calls;
        _driver.HoldsCalls = true;
        var calls = Enumerable.Range(0, 3).Select(_ => StartAsync("b")).ToList();
        for (var i = 0; i < 3; i++)
        {
            // Of the 60 s that each may take; the last has waited for more than that by then.
            await UnlessOneFailsAsync(_driver.CallWaitsAsync());
            _lab.Time.Advance(TimeSpan.FromSeconds(50));
            await UnlessOneFailsAsync(_driver.LetOneEndAsync());
        }

        await Task.WhenAll(calls);
        Assert.Equal(3, _driver.Calls - before);

        // What it takes itself is.
        var slow = StartAsync("b");
        await _driver.CallWaitsAsync();
        _lab.Time.Advance(TimeSpan.FromSeconds(61));
        Assert.Equal(HypervisorError.TimedOut, (await Assert.ThrowsAsync<HypervisorException>(() => slow)).Error);

        // Otherwise a call that has failed would be waited for.
        async Task UnlessOneFailsAsync(Task turn) => await await Task.WhenAny(
            [turn, .. calls.Select(
                call => call.ContinueWith(done => done.IsCompletedSuccessfully ? turn : done, TaskScheduler.Default).Unwrap())]);
    }

    [Fact]
    public async Task After_so_many_failures_calls_are_held_back_until_the_pause_is_over()
    {
        await TripAsync();
        var refused = await Assert.ThrowsAsync<HypervisorException>(ReadAsync);
        Assert.Equal((HypervisorError.CircuitOpen, FaultDomain.Host), (refused.Error, refused.FaultDomain));
        Assert.Equal(3, _driver.Calls);

        _lab.Time.Advance(TimeSpan.FromSeconds(21));
        await ReadAsync();
        await ReadAsync();
        Assert.Equal(5, _driver.Calls);
    }

    [Fact]
    public async Task What_succeeded_before_the_first_failure_does_not_keep_calls_from_being_held_back()
    {
        for (var i = 0; i < 100; i++)
        {
            await ReadAsync();
        }

        await TripAsync();
        Assert.Equal(HypervisorError.CircuitOpen, (await Assert.ThrowsAsync<HypervisorException>(ReadAsync)).Error);
    }

    [Theory]
    [InlineData(nameof(FleetLimits.BreakerMinimumCalls))]
    [InlineData(nameof(FleetLimits.ReadTimeout))]
    [InlineData(nameof(FleetLimits.BreakerPause))]
    [InlineData(nameof(FleetLimits.MaxCallsPerHost))]
    public async Task Limits_that_cannot_be_used_are_refused_before_anything_is_opened(string name)
    {
        var limits = name switch
        {
            nameof(FleetLimits.BreakerMinimumCalls) => new FleetLimits { BreakerMinimumCalls = 1 },
            nameof(FleetLimits.ReadTimeout) => new FleetLimits { ReadTimeout = TimeSpan.FromMilliseconds(9) },
            nameof(FleetLimits.BreakerPause) => new FleetLimits { BreakerPause = TimeSpan.FromDays(2) },
            _ => new FleetLimits { MaxCallsPerHost = 0 },
        };
        var outcomes = await _lab.Fleet.ConnectAsync([new ConnectRequest("gate://b", null, []) { Limits = limits }], default).ToListAsync();
        var refused = Assert.IsType<HypervisorException>(Assert.Single(outcomes).Error);
        Assert.Equal((HypervisorError.InvalidSpecification, 1), (refused.Error, _driver.Opened.Count));
        Assert.Contains(name, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Whether_a_host_answers_is_asked_although_calls_are_held_back_and_they_are_not_when_it_has()
    {
        await TripAsync();
        _driver.Script.Enqueue(Lost(isTransient: false));
        Assert.Equal(HypervisorError.ConnectionFailed, (await Assert.ThrowsAsync<HypervisorException>(AskAsync)).Error);
        Assert.Equal(HypervisorError.CircuitOpen, (await Assert.ThrowsAsync<HypervisorException>(ReadAsync)).Error);

        await AskAsync();
        await ReadAsync();

        Task AskAsync() => Host.Link.SendAsync(new ReadWhereabouts(Guid.Empty), default).AsTask();
    }

    [Fact]
    public async Task A_failing_call_after_the_pause_holds_them_back_again()
    {
        await TripAsync();
        _lab.Time.Advance(TimeSpan.FromSeconds(21));
        _driver.Script.Enqueue(Lost(isTransient: false));
        Assert.Equal(HypervisorError.ConnectionFailed, (await Assert.ThrowsAsync<HypervisorException>(ReadAsync)).Error);
        Assert.Equal(HypervisorError.CircuitOpen, (await Assert.ThrowsAsync<HypervisorException>(ReadAsync)).Error);
    }

    [Fact]
    public async Task Failures_of_VMs_hold_nothing_back()
    {
        for (var i = 0; i < 10; i++)
        {
            _driver.Script.Enqueue(new HypervisorException("no such VM", FaultDomain.VM, error: HypervisorError.VMNotFound));
            Assert.Equal(HypervisorError.VMNotFound, (await Assert.ThrowsAsync<HypervisorException>(StartAsync)).Error);
        }

        await ReadAsync();
    }

    [Fact]
    public async Task Cancellation_is_no_failure_of_the_host()
    {
        _driver.HoldsCalls = true;
        for (var i = 0; i < 5; i++)
        {
            using var source = new CancellationTokenSource();
            var read = Host.Link.SendAsync(new ReadHost(false), source.Token).AsTask();
            await source.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => read);
        }

        _driver.HoldsCalls = false;
        await ReadAsync();
    }

    [Fact]
    public async Task A_host_that_cannot_be_opened_again_fails_as_that_host()
    {
        _driver.Script.Enqueue(Lost(isTransient: false));
        await Assert.ThrowsAsync<HypervisorException>(ReadAsync);
        _driver.Openings.Enqueue(Lost(isTransient: false));
        Assert.Equal(FaultDomain.Host, (await Assert.ThrowsAsync<HypervisorException>(ReadAsync)).FaultDomain);
        await ReadAsync();
    }

    private static HypervisorException Lost(bool isTransient) =>
        new("connection lost", FaultDomain.Host, isTransient, error: HypervisorError.ConnectionFailed);

    private static HypervisorException Failure(bool isTransient, bool outcomeUnknown = false) =>
        new("planned", FaultDomain.Host, isTransient, outcomeUnknown);

    private Task<HostReading> ReadAsync() => Host.Link.SendAsync(new ReadHost(false), default).AsTask();

    private Task StartAsync() => StartAsync("a");

    private Task StartAsync(string host) => _lab.Host(host).Link.SendAsync(new StartVM(Guid.Empty), default).AsTask();

    private async Task TripAsync()
    {
        for (var i = 0; i < 3; i++)
        {
            _driver.Script.Enqueue(Lost(isTransient: false));
            await Assert.ThrowsAsync<HypervisorException>(ReadAsync);
        }
    }

    /// <summary>Lets time pass, in steps, until the call has ended. Between two steps all that has become ready may run.</summary>
    private async Task PassAsync(Task call)
    {
        while (!call.IsCompleted)
        {
            _lab.Time.Advance(TimeSpan.FromSeconds(0.5));
            for (var turn = 0; turn < 100 && !call.IsCompleted; turn++)
            {
                await Task.Yield();
            }
        }

        await call;
    }
}
