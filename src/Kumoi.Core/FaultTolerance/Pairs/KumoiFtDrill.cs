namespace Kumoi;

/// <summary>What came of trying out a takeover: the backup had the VM ready to run, and gave it up again.</summary>
public sealed record KumoiFtDrill
{
    public required string VM { get; init; }

    public required string Primary { get; init; }

    public required string Backup { get; init; }

    /// <summary>The number of the checkpoint that was restored.</summary>
    public required int CheckpointCount { get; init; }

    /// <summary>How long the backup needed, in milliseconds. After a loss the detection and the fence come on top.</summary>
    public required double RestoreMs { get; init; }

    public override string ToString() => FormattableString.Invariant($"{Backup} could take over {VM} in {RestoreMs:0} ms");
}
