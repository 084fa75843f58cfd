namespace Kumoi.FaultTolerance.Protocols.LogReplay;

/// <summary>
/// What the primary sends to its backup, and what the backup writes into its log. What belongs to a message (recorded events, the bytes of
/// an output) is kept by who sends and takes it, by the message's number.
/// </summary>
/// <param name="Number">The first is 1, and each is one more than the one before: the backup takes no other.</param>
public abstract record LogMessage(long Number)
{
    /// <summary>What the guest was given that does not follow from its state: to be replayed.</summary>
    public sealed record Events(long Number) : LogMessage(Number);

    /// <summary>The guest wants to put out something. All that led to it is in the messages before.</summary>
    /// <param name="Number">As of every message.</param>
    /// <param name="Id">
    /// Of the output. Ids grow by one over the whole life of the pair, over all hosts; an outside that knows them can drop what it has.
    /// </param>
    public sealed record Output(long Number, long Id) : LogMessage(Number);

    /// <summary>The primary has performed the output, and all before it.</summary>
    public sealed record Performed(long Number, long Id) : LogMessage(Number);
}
