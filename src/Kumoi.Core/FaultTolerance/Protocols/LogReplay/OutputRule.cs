namespace Kumoi.FaultTolerance.Protocols.LogReplay;

/// <summary>
/// When the primary performs an output, and what its backup is told of it. Both sides of a pair have the same rule.
/// </summary>
/// <remarks>
/// Pairs use <see cref="Kumoi"/>. The others are there to be compared with it: docs/experiments.md has the table.
/// </remarks>
public sealed record OutputRule
{
    private OutputRule()
    {
    }

    /// <summary>
    /// An output is performed when the backup has acknowledged the log up to it; then the backup is told, and the next output is not
    /// performed before it has acknowledged that. Nothing is lost or contradicted, and what is repeated is the last output only.
    /// </summary>
    public static OutputRule Kumoi { get; } = new() { AwaitsBackup = true, TellsBackup = true, AwaitsNotice = true };

    /// <summary>
    /// As <see cref="Kumoi"/>, but outputs that are acknowledged do not wait for each other: all that the backup was not told in time are
    /// repeated.
    /// </summary>
    public static OutputRule Suffix { get; } = new() { AwaitsBackup = true, TellsBackup = true };

    /// <summary>
    /// As it is written in Fadhihansah's thesis (A Practical Log and Replay Strategy for VM Fault Tolerance, National Central University,
    /// 2017): the events are transferred, the output is performed, the backup is told. Nobody waits for an answer.
    /// </summary>
    public static OutputRule Thesis { get; } = new() { TellsBackup = true };

    /// <summary>
    /// As in VMware's fault tolerance (Scales, Nelson, Venkitachalam: The Design of a Practical System for Fault-Tolerant Virtual Machines,
    /// 2010): an output waits for the acknowledgement, and the backup is told nothing. Read here so: what the backup puts out while it
    /// replays is dropped; it goes live at the end of the log, and so performs an output that the log ends with.
    /// </summary>
    public static OutputRule Classic { get; } = new() { AwaitsBackup = true };

    /// <summary>The primary performs an output only when the backup is known to have everything up to it.</summary>
    public bool AwaitsBackup { get; private init; }

    /// <summary>The primary tells the backup what it has performed.</summary>
    public bool TellsBackup { get; private init; }

    /// <summary>The primary performs an output only when the backup is known to have been told of the one before.</summary>
    public bool AwaitsNotice { get; private init; }
}
