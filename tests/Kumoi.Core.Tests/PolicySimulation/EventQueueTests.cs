using Kumoi.PolicySimulation;
using Xunit;

namespace Kumoi.Tests.PolicySimulation;

public sealed class EventQueueTests : IEventHandler
{
    private readonly EventQueue _queue = new();
    private readonly List<(double Sec, int Subject)> _seen = [];
    private Action<int> _then = _ => { };

    void IEventHandler.Handle(int subject)
    {
        _seen.Add((_queue.NowSec, subject));
        _then(subject);
    }

    [Fact]
    public void Events_happen_in_the_order_of_time_and_then_of_scheduling()
    {
        var random = new RandomStream(1, 1);
        var delays = Enumerable.Range(0, 5000).Select(_ => Math.Floor(random.Exponential(300))).ToArray();
        for (var i = 0; i < delays.Length; i++)
        {
            _queue.Schedule(delays[i], this, i);
        }

        Run();
        Assert.Equal(delays.Select((delay, i) => (delay, i)).Order(), _seen);
    }

    [Fact]
    public void What_an_event_schedules_takes_its_place_among_those_that_wait()
    {
        _queue.Schedule(100, this, 1);
        _queue.Schedule(5000, this, 3);
        _then = subject =>
        {
            if (subject == 1)
            {
                _queue.Schedule(0, this, 10);
                _queue.Schedule(400, this, 2);
            }
        };
        Run();
        Assert.Equal([(100, 1), (100, 10), (500, 2), (5000, 3)], _seen);
    }

    [Fact]
    public void The_run_ends_with_its_time_and_what_comes_later_does_not_happen()
    {
        _queue.Schedule(10, this, 1);
        _queue.Schedule(11, this, 2);
        _queue.Schedule(double.PositiveInfinity, this, 3);
        Run(untilSec: 10);
        Assert.Equal([(10, 1)], _seen);
        Assert.Throws<ArgumentOutOfRangeException>(() => _queue.Schedule(-1, this));
    }

    [Fact]
    public void A_cancelled_run_stops()
    {
        using var stop = new CancellationTokenSource();
        _queue.Schedule(1, this);
        _then = _ =>
        {
            stop.Cancel();
            _queue.Schedule(1, this);
        };
        Assert.Throws<OperationCanceledException>(() => _queue.Run(double.MaxValue, () => false, stop.Token));
        Assert.True(_seen.Count < 1000);
    }

    private void Run(double untilSec = 1e9) => _queue.Run(untilSec, () => false, CancellationToken.None);
}
