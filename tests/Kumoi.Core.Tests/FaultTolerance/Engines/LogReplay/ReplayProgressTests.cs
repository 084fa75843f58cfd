using Kumoi.FaultTolerance.Engines.LogReplay;
using Kumoi.Hypervisors;
using Xunit;

namespace Kumoi.Tests.FaultTolerance.Engines.LogReplay;

/// <summary>When a VM and its replica are taken to have stopped, and not to be slow.</summary>
public sealed class ReplayProgressTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly ManualTime _time = new();
    private readonly ReplayProgress _progress;

    public ReplayProgressTests() => _progress = new ReplayProgress(count: 1000, log: 4096, Patience, _time);

    [Fact]
    public void However_slowly_the_VM_goes_on_it_is_waited_for()
    {
        for (var count = 1001; count < 1100; count++)
        {
            _time.Advance(Patience);
            _progress.See(count, log: 4096);
            _progress.ThrowIfOver();
        }
    }

    [Fact]
    public void However_slowly_the_replica_goes_on_it_is_waited_for()
    {
        for (var step = 0; step < 100; step++)
        {
            _time.Advance(Patience);
            _progress.GoOn();
            _progress.ThrowIfOver();
        }
    }

    [Fact]
    public void When_neither_goes_on_it_is_over_although_the_log_grows_by_each_look()
    {
        _time.Advance(Patience);
        _progress.See(1000, log: 5000);
        _progress.ThrowIfOver();
        _time.Advance(TimeSpan.FromTicks(1));
        _progress.See(1000, log: 6000);
        Assert.Equal(HypervisorError.TimedOut, Assert.Throws<HypervisorException>(_progress.ThrowIfOver).Error);
    }

    [Fact]
    public void A_log_that_does_not_come_is_over_by_the_guests_own_time()
    {
        _progress.See(1000 + ReplayProgress.MostWithoutLog, log: 4096);
        _progress.ThrowIfOver();
        _progress.See(1001 + ReplayProgress.MostWithoutLog, log: 4096);
        var over = Assert.Throws<HypervisorException>(_progress.ThrowIfOver);
        Assert.Contains("does not come to the backup", over.Message, StringComparison.Ordinal);

        _progress.See(1002 + ReplayProgress.MostWithoutLog, log: 8192);
        _progress.ThrowIfOver();
    }
}
