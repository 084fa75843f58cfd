using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Xunit;

namespace Kumoi.Tests.Fleets;

/// <summary>Waiting for a VM's state, by a clock of the tests'.</summary>
public sealed class VMWaitTests : IAsyncLifetime
{
    private LabFleet _lab = null!;
    private KumoiVM _vm = null!;

    public async ValueTask InitializeAsync()
    {
        _lab = await LabFleet.ConnectAsync("sim://lab?hosts=1&vms=1&running=0");
        _vm = new KumoiVM(_lab.Host("kvm01"), (await _lab.VMsAsync("kvm01"))[0]);
    }

    public ValueTask DisposeAsync() => _lab.DisposeAsync();

    [Fact]
    public async Task It_ends_when_somebody_has_started_the_VM()
    {
        var waiting = WaitAsync(PowerState.Running);
        _lab.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.False(waiting.IsCompleted);

        await _lab.Host("kvm01").Link.SendAsync(new StartVM(_vm.Id), TestContext.Current.CancellationToken);
        Assert.Equal(PowerState.Running, (await AsTimeGoesByAsync(waiting))!.State);
    }

    [Fact]
    public async Task It_ends_when_its_time_is_up()
    {
        var failure = await Assert.ThrowsAsync<HypervisorException>(() => AsTimeGoesByAsync(WaitAsync(PowerState.Running)));
        Assert.Equal((HypervisorError.TimedOut, FaultDomain.VM), (failure.Error, failure.FaultDomain));
    }

    [Fact]
    public async Task It_ends_when_it_is_cancelled()
    {
        using var cancelling = new CancellationTokenSource();
        var waiting = VMActions.WaitAsync(_vm, PowerState.Running, TimeSpan.FromSeconds(10), _lab.Time, cancelling.Token);
        await cancelling.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }

    private Task<KumoiVM?> WaitAsync(PowerState state) =>
        VMActions.WaitAsync(_vm, state, TimeSpan.FromSeconds(10), _lab.Time, TestContext.Current.CancellationToken);

    private async Task<KumoiVM?> AsTimeGoesByAsync(Task<KumoiVM?> waiting)
    {
        while (!waiting.IsCompleted)
        {
            _lab.Time.Advance(TimeSpan.FromMilliseconds(250));
            await Task.Yield();
        }

        return await waiting;
    }
}
