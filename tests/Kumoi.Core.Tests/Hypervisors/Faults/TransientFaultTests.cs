using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Faults;
using Xunit;

namespace Kumoi.Tests.Hypervisors.Faults;

/// <summary>What a fleet does about failures that may pass: two more tries, with pauses, of everything but migrations.</summary>
public sealed class TransientFaultTests : IAsyncLifetime
{
    private LabFleet _lab = null!;

    private IHypervisorLink Link => _lab.Host("kvm01").Link;

    public async ValueTask InitializeAsync() => _lab = await LabFleet.ConnectAsync("sim://lab?hosts=2&vms=2&running=1&seed=7");

    public ValueTask DisposeAsync() => _lab.DisposeAsync();

    [Fact]
    public async Task A_read_succeeds_after_a_pause_as_long_as_there_are_tries_left()
    {
        var fault = Break(FaultOperation.Read, count: 2);
        var reading = Link.SendAsync(new ReadVMs(), default).AsTask();
        Assert.False(reading.IsCompleted);
        await PassAsync(reading);
        Assert.Equal((fault, 2), Assert.Single(_lab.Faults.Rules));

        Break(FaultOperation.Read, count: 3);
        var failure = await Assert.ThrowsAsync<HypervisorException>(() => PassAsync(Link.SendAsync(new ReadVMs(), default).AsTask()));
        Assert.True(failure.IsTransient);
        await Link.SendAsync(new ReadVMs(), default);
    }

    [Fact]
    public async Task A_change_is_tried_again_too_and_is_made_once()
    {
        Break(FaultOperation.Define, count: 1);
        await PassAsync(Link.SendAsync(new DefineVM(new VMSpec { Name = "web" }), default).AsTask());
        Assert.Single(await Link.SendAsync(new ReadVMs(), default), vm => vm.Name == "web");
    }

    [Fact]
    public async Task A_change_whose_outcome_is_unknown_is_not_tried_again()
    {
        var fault = _lab.Faults.Add(Rule(FaultOperation.Define) with { OutcomeUnknown = true });
        var failure = await Assert.ThrowsAsync<HypervisorException>(
            () => Link.SendAsync(new DefineVM(new VMSpec { Name = "web" }), default).AsTask());
        Assert.True(failure.OutcomeUnknown);
        Assert.Equal((fault, 1), Assert.Single(_lab.Faults.Rules));
    }

    [Fact]
    public async Task A_migration_is_not_tried_again()
    {
        var vm = (await Link.SendAsync(new ReadVMs(), default))[0];
        var fault = Break(FaultOperation.Migrate, count: 1);
        await Assert.ThrowsAsync<HypervisorException>(
            () => Link.SendAsync(new MigrateVM(vm.Id, _lab.Host("kvm02").Link, new MigrationOptions()), default).AsTask());
        Assert.Equal((fault, 1), Assert.Single(_lab.Faults.Rules));
    }

    private static FaultRule Rule(string operation) => new()
    {
        HostMatches = static name => string.Equals(name, "kvm01", StringComparison.Ordinal),
        HostPattern = "kvm01",
        Operation = operation,
        IsTransient = true,
    };

    private FaultRule Break(string operation, int count) => _lab.Faults.Add(Rule(operation) with { Count = count });

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
