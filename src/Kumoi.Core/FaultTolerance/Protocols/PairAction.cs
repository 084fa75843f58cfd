namespace Kumoi.FaultTolerance.Protocols;

/// <summary>
/// What follows from a pair's record. Each can be done again by another controller that does not know how far this one came.
/// </summary>
public abstract record PairAction
{
    private PairAction()
    {
    }

    /// <summary>
    /// Lets out what the last checkpoint covers, drops the checkpoints before it, and makes the next one. With <paramref name="Committed"/>
    /// null there is none yet.
    /// </summary>
    public sealed record MakeCheckpoint(string Primary, string? Backup, CheckpointMark? Committed, int Number) : PairAction;

    /// <summary>
    /// Makes sure that the host does not run the VM. An error, no answer, a daemon that is down: not fenced. With a
    /// <paramref name="Keeper"/>, which has the checkpoint in its memory, only when that is known to have it: else the last copy of the VM
    /// may be ended.
    /// </summary>
    public sealed record Fence(string Host, string? Keeper, CheckpointMark? Checkpoint) : PairAction;

    /// <summary>
    /// Brings the VM as it was at the checkpoint, paused, to the host, or, with null, to one that is chosen; lets out what it covers.
    /// </summary>
    public sealed record TakeOver(string? Host, CheckpointMark Checkpoint) : PairAction;

    /// <summary>Lets the VM go on that waits on the host.</summary>
    public sealed record Resume(string Host) : PairAction;

    /// <summary>Makes sure that the host has nothing of the VM, nor of its checkpoints, while the VM runs elsewhere.</summary>
    public sealed record Revoke(string Primary, string Host) : PairAction;

    /// <summary>Chooses another backup host.</summary>
    public sealed record ChooseBackup(string Primary) : PairAction;

    /// <summary>
    /// Drops all checkpoints, lets all output out at once, and tries from time to time to find a backup host.
    /// </summary>
    public sealed record RunAlone(string Primary) : PairAction;

    /// <summary>Drops all checkpoints, lets all output out, and gives up what marks the pair.</summary>
    public sealed record End(string? Backup) : PairAction;
}
