using System.Collections.Immutable;

namespace Kumoi.FaultTolerance.Protocols.LogReplay;

/// <summary>
/// The side of the replica: it replays what the primary sends, and holds what it puts out, until it is known that the primary has performed
/// it, or the primary is fenced. Pure: each step gives the next state.
/// </summary>
/// <remarks>
/// <para>
/// A message is written into the log, which outlives the process, before it is acknowledged. While the log is drained, the id of each
/// output is written down when it is performed, before the next one is. So a process that dies can be followed by another one
/// (<see cref="Recover"/>), which repeats one output at most. All of it is lost with the backup's host.
/// </para>
/// <para>
/// Outputs are performed at the end of the log only, in order, each at least once, and none that somebody is known to have performed.
/// </para>
/// </remarks>
public sealed record ReplayBackup
{
    private ReplayBackup()
    {
    }

    /// <summary>What the primary does, and what it tells.</summary>
    public required OutputRule Rule { get; init; }

    /// <summary>The number of the last message that was taken, with all before it: what is acknowledged.</summary>
    public long Received { get; internal init; }

    /// <summary>What the replica has not replayed yet, oldest first.</summary>
    public ImmutableList<LogMessage> Ahead { get; internal init; } = [];

    /// <summary>The id of the last output that the replica has put out.</summary>
    public long LastReplayed { get; internal init; }

    /// <summary>The id of the last output that is known to be performed, by the primary or by this side.</summary>
    public long LastPerformed { get; internal init; }

    /// <summary>The ids of what the replica has put out, and of which it is not known that it is performed, oldest first.</summary>
    public ImmutableList<long> Held { get; internal init; } = [];

    /// <summary>The primary is fenced. Nothing is taken from it any more.</summary>
    public bool IsDraining { get; internal init; }

    /// <summary>The output that is to be performed now; null: none, as long as the primary may still perform it.</summary>
    public long? Next => IsDraining && Ahead.IsEmpty && Held is [var first, ..] ? first : null;

    /// <summary>Nothing is left to be done before the replica goes live.</summary>
    public bool IsDrained => IsDraining && Ahead.IsEmpty && Held.IsEmpty;

    /// <summary>A pair begins: the replica is as the VM is.</summary>
    /// <param name="rule">What the primary does.</param>
    /// <param name="lastPerformed">The id of the last output of the VM before; 0: none.</param>
    public static ReplayBackup Begin(OutputRule rule, long lastPerformed)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(lastPerformed);
        return new ReplayBackup { Rule = rule, LastReplayed = lastPerformed, LastPerformed = lastPerformed };
    }

    /// <summary>
    /// Goes on after the death of the process that had this side, with a replica that begins anew: what the first one had put out was in
    /// that process, and replaying brings it again.
    /// </summary>
    /// <param name="rule">What the primary does.</param>
    /// <param name="begunWith">The id of the last output of the VM before the pair began.</param>
    /// <param name="log">All that was taken, from its beginning.</param>
    /// <param name="lastPerformed">The last id that was written down while the log was drained; 0: none.</param>
    public static ReplayBackup Recover(OutputRule rule, long begunWith, IEnumerable<LogMessage> log, long lastPerformed)
    {
        var read = log.Aggregate(Begin(rule, begunWith), static (side, message) => side.Receive(message));
        return read with { LastPerformed = Math.Max(read.LastPerformed, lastPerformed) };
    }

    /// <summary>
    /// A message of the primary. The one that comes next is taken: it is written into the log, and then <see cref="Received"/> is
    /// acknowledged. Another one changes nothing: it was taken before, or one before it is missing, and the channel is not to be trusted
    /// any more.
    /// </summary>
    public ReplayBackup Receive(LogMessage message)
    {
        if (IsDraining || message.Number != Received + 1)
        {
            return this;
        }

        return message is LogMessage.Performed performed
            ? this with
            {
                Received = message.Number,
                LastPerformed = performed.Id,
                Held = Held.RemoveAll(id => id <= performed.Id),
            }
            : this with { Received = message.Number, Ahead = Ahead.Add(message) };
    }

    /// <summary>The replica replays the next message: it is given the events, or puts out the output.</summary>
    /// <exception cref="InvalidOperationException">It has replayed all there is.</exception>
    public ReplayBackup Replay()
    {
        if (Ahead is not [var next, ..])
        {
            throw new InvalidOperationException("There is nothing to replay.");
        }

        // Where nothing is told, whatever the replica has left behind in the log counts as performed by the primary.
        var after = this with { Ahead = Ahead.RemoveAt(0), Held = Rule.TellsBackup ? Held : [] };
        return next is not LogMessage.Output output ? after
            : output.Id <= LastPerformed ? after with { LastReplayed = output.Id }
            : after with { LastReplayed = output.Id, Held = after.Held.Add(output.Id) };
    }

    /// <summary>The primary is known not to run any more.</summary>
    public ReplayBackup Drain() => this with { IsDraining = true };

    /// <summary>The output is performed. To be written down before anything else is.</summary>
    /// <param name="id">As <see cref="Next"/> had it.</param>
    /// <exception cref="InvalidOperationException">It was another one's turn.</exception>
    public ReplayBackup Perform(long id) => id == Next
        ? this with { LastPerformed = id, Held = Held.RemoveAt(0) }
        : throw new InvalidOperationException(FormattableString.Invariant($"Output {id} was not to be performed, but {Next}."));

    /// <summary>The replica serves. It is alone until there is another backup.</summary>
    /// <param name="maxHeld">How many outputs are held before the guest has to wait.</param>
    /// <exception cref="InvalidOperationException">The log is not drained (<see cref="IsDrained"/>).</exception>
    public ReplayPrimary GoLive(int maxHeld) => IsDrained
        ? ReplayPrimary.Alone(Rule, maxHeld, LastReplayed)
        : throw new InvalidOperationException("The log is not drained.");
}
