using Kumoi.FaultTolerance.Engines;
using Kumoi.FaultTolerance.Engines.Colo;
using Kumoi.FaultTolerance.Modes;
using Kumoi.FaultTolerance.Protocols;

namespace Kumoi.FaultTolerance.Pairs;

/// <summary>
/// How a pair's backup follows from one checkpoint to the next: in checkpoint mode where the engine has no other, else as the rule of the
/// plan decides. Its history is safe for concurrent use.
/// </summary>
internal sealed class PairModes
{
    /// <summary>How many changes of the mode are remembered.</summary>
    public const int Remembered = 100;

    private readonly ITwoModes? _colo;
    private readonly bool _standsForPeriod;
    private readonly ModeController? _rule;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private readonly Queue<KumoiFtModeChange> _history = [];
    private PairMode _current; // of the stretch that is running
    private CheckpointCause _cause;
    private long _since;
    private TimeSpan _length;

    public PairModes(PairPlan plan, ICheckpointEngine engine, TimeProvider time)
    {
        Period = new AdaptivePeriod(plan.Goals);
        _standsForPeriod = plan.Engine is not CheckpointEngine.LogReplay; // where it stands for a replica instead, more seldom is no help
        _time = time;
        _colo = engine as ITwoModes;
        _rule = _colo is null ? null : plan.Modes?.Create(Random.Shared.NextDouble);
        _since = time.GetTimestamp();
        if (_rule is { } rule)
        {
            _colo!.Mode = rule.Current.Mode;
            Remember(rule.Current);
        }
    }

    /// <summary>The period that keeps the goals, in checkpoint mode without a rule.</summary>
    public AdaptivePeriod Period { get; }

    /// <summary>How the backup follows from the next commit on.</summary>
    public PairMode Mode => _rule?.Current.Mode ?? PairMode.Checkpoint;

    /// <summary>The time from one commit to the beginning of the next checkpoint, at the latest.</summary>
    public TimeSpan Current => _rule?.Current.Period ?? Period.Period;

    /// <summary>The last changes, the oldest first; empty: there is one mode only.</summary>
    public IReadOnlyList<KumoiFtModeChange> History
    {
        get
        {
            lock (_gate)
            {
                return [.. _history];
            }
        }
    }

    /// <summary>A checkpoint was committed: waits until the next one is to be made.</summary>
    /// <param name="delay">Waits where there is one mode only.</param>
    /// <param name="isWanted">The next checkpoint is wanted at once.</param>
    /// <param name="cancellationToken">Ends the waiting, and nothing is thrown.</param>
    public async Task UntilDueAsync(Func<TimeSpan, Task> delay, Func<bool> isWanted, CancellationToken cancellationToken)
    {
        _current = Mode;
        _since = _time.GetTimestamp();
        if (_colo is null)
        {
            await delay(Current);
            return;
        }

        _cause = await _colo.UntilDueAsync(Current, isWanted, cancellationToken);
    }

    /// <summary>The next checkpoint begins.</summary>
    public void Begin() => _length = _time.GetElapsedTime(_since);

    /// <summary>It was made. The rule decides how the pair goes on when it is committed.</summary>
    public PairEvent.CheckpointMade Add(CheckpointMark mark, CheckpointMeasure measure)
    {
        Period.Add(_standsForPeriod ? measure : measure with { Pause = TimeSpan.Zero });
        var made = new PairEvent.CheckpointMade(mark) { Measure = measure, Length = _length, Cause = _cause, Mode = _current };
        if (_rule is not null)
        {
            var decision = _rule.Add(new ModeStretch(_current, _length, _cause, measure));
            _colo!.Mode = decision.Mode;
            if (decision.IsChange)
            {
                Remember(decision);
                made = made with { Change = decision };
            }
        }

        _cause = CheckpointCause.Period;
        _since = _time.GetTimestamp();
        return made;
    }

    private void Remember(ModeDecision decision)
    {
        lock (_gate)
        {
            if (_history.Count == Remembered)
            {
                _history.Dequeue();
            }

            _history.Enqueue(new KumoiFtModeChange(_time.GetUtcNow(), decision.Mode, decision.Reason));
        }
    }
}
