using System.Collections.Immutable;

namespace Kumoi.FaultTolerance.Protocols.LogReplay;

/// <summary>
/// The side of the VM that serves: its outputs are held until they may be performed. Pure: each step gives the next state, and the message
/// that is to be sent.
/// </summary>
/// <remarks>
/// <para>
/// It is lost with the process that has it, and with it the outputs that it holds. Then the VM is fenced and the backup goes on
/// (<see cref="PairEvent.OutputLost"/>): nobody else knows what the guest has put out.
/// </para>
/// <para>
/// Who serves is decided by <see cref="PairRules"/>, for which the replica and its log are a checkpoint in the memory of the backup host.
/// A channel that broke is not made again, since what was in it may be lost: the backup is then lost
/// (<see cref="PairEvent.BackupLost"/>), and the primary holds what is not acknowledged until the backup is fenced.
/// </para>
/// </remarks>
public sealed record ReplayPrimary
{
    private ReplayPrimary()
    {
    }

    /// <summary>When an output may be performed.</summary>
    public required OutputRule Rule { get; init; }

    /// <summary>How many outputs are held before the guest has to wait.</summary>
    public required int MaxHeld { get; init; }

    /// <summary>There is no backup that could take over: each output is performed at once, and nothing is sent.</summary>
    public bool IsAlone { get; internal init; }

    /// <summary>The number of the last message that was sent; 0: none.</summary>
    public long Sent { get; internal init; }

    /// <summary>The number of the last message that the backup is known to have, with all before it.</summary>
    public long Acknowledged { get; internal init; }

    /// <summary>The number of the message that told of the last performed output; 0: none has.</summary>
    public long Notice { get; internal init; }

    /// <summary>The id of the last performed output.</summary>
    public long LastPerformed { get; internal init; }

    /// <summary>What the guest has put out and is not performed yet, oldest first.</summary>
    public ImmutableList<LogMessage.Output> Held { get; internal init; } = [];

    /// <summary>The guest must not put out more at this moment.</summary>
    public bool MustWait => Held.Count >= MaxHeld;

    /// <summary>The output that is to be performed now; null: none may be.</summary>
    public long? Next => Held is [var first, ..] && (IsAlone || IsCovered(first)) ? first.Id : null;

    /// <summary>A pair begins: the replica is as the VM is, and no output is held.</summary>
    /// <param name="rule">When an output may be performed.</param>
    /// <param name="maxHeld">How many outputs are held before the guest has to wait; at least 1.</param>
    /// <param name="lastPerformed">The id of the last output of the VM before; 0: none.</param>
    public static ReplayPrimary Begin(OutputRule rule, int maxHeld, long lastPerformed)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxHeld, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(lastPerformed);
        return new ReplayPrimary { Rule = rule, MaxHeld = maxHeld, LastPerformed = lastPerformed };
    }

    /// <summary>The VM runs, and has no backup.</summary>
    internal static ReplayPrimary Alone(OutputRule rule, int maxHeld, long lastPerformed) =>
        Begin(rule, maxHeld, lastPerformed) with { IsAlone = true };

    /// <summary>The guest was given something that does not follow from its state.</summary>
    /// <param name="message">To be sent; null: nothing.</param>
    public ReplayPrimary Record(out LogMessage? message)
    {
        message = IsAlone ? null : new LogMessage.Events(Sent + 1);
        return Send(message);
    }

    /// <summary>The guest puts out something, which is held.</summary>
    /// <param name="message">To be sent; null: nothing.</param>
    /// <exception cref="InvalidOperationException">It has to wait (<see cref="MustWait"/>).</exception>
    public ReplayPrimary Hold(out LogMessage? message)
    {
        if (MustWait)
        {
            throw new InvalidOperationException(FormattableString.Invariant($"{Held.Count} outputs are held already."));
        }

        var output = new LogMessage.Output(Sent + 1, (Held is [.., var last] ? last.Id : LastPerformed) + 1);
        message = IsAlone ? null : output;
        return Send(message) with { Held = Held.Add(output) };
    }

    /// <summary>The backup has all messages up to that one. What was never sent is not acknowledged by anything.</summary>
    public ReplayPrimary Acknowledge(long number) =>
        number > Acknowledged && number <= Sent ? this with { Acknowledged = number } : this;

    /// <summary>The output is performed.</summary>
    /// <param name="id">As <see cref="Next"/> had it.</param>
    /// <param name="message">To be sent; null: nothing.</param>
    /// <exception cref="InvalidOperationException">It was another one's turn.</exception>
    public ReplayPrimary Perform(long id, out LogMessage? message)
    {
        if (id != Next)
        {
            throw new InvalidOperationException(FormattableString.Invariant($"Output {id} was not to be performed, but {Next}."));
        }

        message = Rule.TellsBackup && !IsAlone ? new LogMessage.Performed(Sent + 1, id) : null;
        var after = Send(message) with { LastPerformed = id, Held = Held.RemoveAt(0) };
        return message is null ? after : after with { Notice = message.Number };
    }

    /// <summary>
    /// The backup is fenced and cannot take over any more. Not before: what goes out now, the backup may not have.
    /// </summary>
    public ReplayPrimary GoAlone() => this with { IsAlone = true };

    private bool IsCovered(LogMessage.Output output) =>
        (!Rule.AwaitsBackup || output.Number <= Acknowledged) && (!Rule.AwaitsNotice || Notice <= Acknowledged);

    private ReplayPrimary Send(LogMessage? message) => message is null ? this : this with { Sent = message.Number };
}
