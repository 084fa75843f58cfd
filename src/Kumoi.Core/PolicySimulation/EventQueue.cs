namespace Kumoi.PolicySimulation;

/// <summary>
/// A discrete-event simulation: a virtual clock, and what will happen, in the order of time and, at the same time, in the order of
/// scheduling. It waits for nothing: a day takes as long as its events.
/// </summary>
/// <remarks>
/// Only what happens soon is in a priority queue; what happens later is kept unsorted, by the interval in which it will. So an event costs
/// about the same whether thousands or millions are pending.
/// </remarks>
internal sealed class EventQueue
{
    /// <summary>How often cancellation is looked at: every few tens of microseconds.</summary>
    private const int EventsBetweenLooks = 256;
    private const double IntervalSec = 1;

    private readonly PriorityQueue<Event, Moment> _soon = new();

    /// <summary>By the number of the interval, all after <see cref="_interval"/>.</summary>
    private readonly Dictionary<long, List<(Event Event, Moment Moment)>> _later = [];
    private readonly PriorityQueue<long, long> _laterIntervals = new();
    private readonly Stack<List<(Event Event, Moment Moment)>> _spare = new();

    /// <summary>The interval whose events, and those of all before it, are in <see cref="_soon"/>.</summary>
    private long _interval;
    private long _scheduled;

    /// <summary>Since the simulation began.</summary>
    public double NowSec { get; private set; }

    /// <summary>How many events have happened.</summary>
    public long Count { get; private set; }

    /// <summary>Lets something happen after a delay, 0 or more; infinity: never.</summary>
    public void Schedule(double delaySec, IEventHandler handler, int subject = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(delaySec);
        if (double.IsPositiveInfinity(delaySec))
        {
            return;
        }

        var moment = new Moment(NowSec + delaySec, _scheduled++);
        var interval = (long)(moment.Sec / IntervalSec);
        if (interval <= _interval)
        {
            _soon.Enqueue(new(handler, subject), moment);
            return;
        }

        if (!_later.TryGetValue(interval, out var events))
        {
            events = _spare.TryPop(out var spare) ? spare : [];
            _later.Add(interval, events);
            _laterIntervals.Enqueue(interval, interval);
        }

        events.Add((new(handler, subject), moment));
    }

    /// <summary>Runs until the time is over, <paramref name="isComplete"/> says so, or nothing is left to happen.</summary>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public void Run(double untilSec, Func<bool> isComplete, CancellationToken cancellationToken)
    {
        while (!isComplete() && TryPeek(out var next) && next.Sec <= untilSec)
        {
            if (Count++ % EventsBetweenLooks == 0)
            {
                cancellationToken.ThrowIfCancellationRequested();
            }

            NowSec = next.Sec;
            var due = _soon.Dequeue();
            due.Handler.Handle(due.Subject);
        }
    }

    private bool TryPeek(out Moment next)
    {
        while (!_soon.TryPeek(out _, out next))
        {
            if (!_laterIntervals.TryDequeue(out _interval, out _))
            {
                return false;
            }

            _later.Remove(_interval, out var events);
            foreach (var (due, moment) in events!)
            {
                _soon.Enqueue(due, moment);
            }

            events.Clear();
            _spare.Push(events);
        }

        return true;
    }

    private readonly record struct Event(IEventHandler Handler, int Subject);

    private readonly record struct Moment(double Sec, long Number) : IComparable<Moment>
    {
        public int CompareTo(Moment other)
        {
            var bySec = Sec.CompareTo(other.Sec);
            return bySec != 0 ? bySec : Number.CompareTo(other.Number);
        }
    }
}
