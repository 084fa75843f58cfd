using System.Xml.Linq;
using Kumoi.FaultTolerance.Gates;
using Kumoi.FaultTolerance.Protocols.LogReplay;
using Kumoi.Hypervisors;

namespace Kumoi.FaultTolerance.Engines.LogReplay;

/// <summary>The primary is fenced: its replica replays the log to its end, and lets out what nobody is known to have let out.</summary>
internal sealed class ReplayDrain : IAsyncDisposable
{
    private readonly ReplicaConsole _echo;
    private readonly ReplayLog _log;
    private readonly IReadOnlyList<ReplayPoint> _ahead;
    private readonly Dictionary<long, ReplayPoint> _points;
    private ReplayBackup _side;
    private long _replayed;

    private ReplayDrain(
        QemuReplay replica, ReplicaConsole echo, ReplayLog log, ReplayBackup side, IReadOnlyList<ReplayPoint> points,
        IReadOnlyList<ReplayPoint> ahead, long replayed)
    {
        Replica = replica;
        (_echo, _log, _side, _ahead, _replayed) = (echo, log, side, ahead, replayed);
        _points = points.ToDictionary(static point => point.Id);
    }

    public QemuReplay Replica { get; }

    /// <summary>By the replica that has followed.</summary>
    public static async Task<ReplayDrain> OfAsync(ReplayCourse course)
    {
        await course.HaltAsync();
        await course.Stream.DisposeAsync();
        var (side, ahead) = course.Backup;
        return new ReplayDrain(course.Replica, course.Echo, course.Log, side, course.Told, ahead, course.Replayed);
    }

    /// <summary>By one that is made again from the log, after the death of the process that had the other one.</summary>
    public static async Task<ReplayDrain> AgainAsync(
        PairPlan plan, ReplayFiles files, XElement live, IHypervisorLink host, int number, string attempt, TimeProvider time,
        CancellationToken cancellationToken)
    {
        var entries = ReplayLog.Read(files.Messages(attempt));
        var begun = entries[0].Begun ?? throw new HypervisorException(
            "The log of the backup has no beginning.", FaultDomain.Storage, error: HypervisorError.InvalidState,
            recommendedAction: $"See what has become of '{files.Messages(attempt)}'.");
        var side = ReplayBackup.Recover(
            OutputRule.Kumoi, begun.Id, entries.Select(static entry => entry.Message).OfType<LogMessage>(),
            entries.Max(static entry => entry.Drained) ?? 0);
        var points = entries.Select(static entry => entry.Output).OfType<ReplayPoint>().ToList();
        var (replica, echo) = await ReplayStart.ReplicaAsync(plan, files, live, host, number, attempt, time, cancellationToken);
        try
        {
            await replica.GoToAsync(begun.Count, cancellationToken);
            echo.BeginAt(begun.Position);
            return new ReplayDrain(replica, echo, ReplayLog.Append(files.Messages(attempt)), side, points, points, begun.Position);
        }
        catch
        {
            echo.Dispose();
            throw;
        }
    }

    /// <summary>Returns the position at the console where the replica stands; all before it has gone out.</summary>
    public async Task<long> DrainAsync(ConsoleLog log, PairPlan plan, CancellationToken cancellationToken)
    {
        _side = _side.Drain();
        if (_points.Count > 0)
        {
            await Replica.GoToAsync(_points.Values.Max(static point => point.Count), cancellationToken);
        }

        foreach (var point in _ahead)
        {
            point.Compare(_echo.Read(_replayed, point.Position));
            _replayed = point.Position;
        }

        while (!_side.Ahead.IsEmpty)
        {
            _side = _side.Replay();
        }

        while (_side.Next is { } id)
        {
            LetOut(log, _points[id].Position);
            _log.Write(new ReplayEntry { Drained = id });
            _side = _side.Perform(id);
            await (plan.AtReplayStep?.Invoke(ReplayStep.Drained) ?? Task.CompletedTask);
        }

        // What it has put out after the last output that was told: it is the one that serves from here on, and has no backup.
        _ = _side.GoLive(maxHeld: 1);
        var end = _echo.End;
        LetOut(log, end);
        return end;
    }

    public ValueTask DisposeAsync()
    {
        _echo.Dispose();
        _log.Dispose();
        return ValueTask.CompletedTask;
    }

    private void LetOut(ConsoleLog log, long to)
    {
        var from = Math.Min(log.Length, to);
        if (_echo.Read(from, to) is { } output)
        {
            log.Append(from, output);
        }
        else
        {
            throw new HypervisorException(
                FormattableString.Invariant($"The replica does not have its output from {from} to {to}."), FaultDomain.VM,
                error: HypervisorError.InvalidState, recommendedAction: "It is made again from the log.");
        }
    }
}
