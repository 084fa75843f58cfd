using Kumoi.FaultTolerance.Detection;
using Kumoi.FaultTolerance.Engines;
using Kumoi.FaultTolerance.Pairs;
using Kumoi.FaultTolerance.Protocols;
using Kumoi.Hypervisors;
using Xunit;

namespace Kumoi.Tests.FaultTolerance.Pairs;

/// <summary>What the kernel says of the primary's QEMU, beside what its host says.</summary>
public sealed class PairHearingTests : IAsyncLifetime
{
    private readonly ManualTime _time = new(); // nobody asks a host a second time
    private readonly TaskCompletionSource<Guid> _process = new();
    private LabFleet _lab = null!;
    private Guid _vm;
    private PairHearing _hearing = null!;

    private IHypervisorLink Primary => _lab.Host("kvm01").Link;

    public async ValueTask InitializeAsync()
    {
        _lab = await LabFleet.ConnectAsync("sim://lab?hosts=2&vms=1&running=1");
        _vm = (await _lab.VMsAsync("kvm01"))[0].Id;
        _hearing = new PairHearing(_vm, new HostHearing(TimeSpan.FromSeconds(2), _time), static _ => { }, _time);
    }

    public async ValueTask DisposeAsync()
    {
        _hearing.Dispose();
        await _lab.DisposeAsync();
    }

    [Fact]
    public async Task The_VM_has_died_when_its_process_has_ended_and_nothing_is_left_to_be_fenced()
    {
        var found = Hear();
        _process.SetResult(_vm);

        Assert.IsType<PairEvent.PrimaryDied>(await found.WaitAsync(TimeSpan.FromMinutes(1)));
        Assert.True(_hearing.HasJustEnded("kvm01", _vm));
    }

    [Fact]
    public async Task That_a_process_has_ended_is_no_fence_of_another_host_or_domain()
    {
        var found = Hear();
        _process.SetResult(_vm);
        await found.WaitAsync(TimeSpan.FromMinutes(1));

        Assert.False(_hearing.HasJustEnded("kvm02", _vm));
        Assert.False(_hearing.HasJustEnded("kvm01", PairDomains.Of(_vm, 0)));
    }

    [Fact]
    public async Task That_a_process_has_ended_is_no_fence_any_more_when_the_VM_may_have_been_started_again()
    {
        var found = Hear();
        _process.SetResult(_vm);
        await found.WaitAsync(TimeSpan.FromMinutes(1));

        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.False(_hearing.HasJustEnded("kvm01", _vm));
    }

    [Fact]
    public void A_process_that_had_ended_before_anybody_heard_says_nothing_of_the_VM()
    {
        _process.SetResult(_vm);

        Assert.False(Hear().IsCompleted);
        Assert.False(_hearing.HasJustEnded("kvm01", _vm));
    }

    [Fact]
    public void The_end_of_what_is_not_the_VM_is_not_its_death()
    {
        var found = Hear();
        _process.SetResult(PairDomains.Of(_vm, 1));

        Assert.False(found.IsCompleted);
        Assert.False(_hearing.HasJustEnded("kvm01", _vm));
    }

    private Task<PairEvent> Hear() => _hearing.Hear(
        Primary, standby: null, _process.Task, backup: null, TestContext.Current.CancellationToken);
}
