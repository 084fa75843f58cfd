namespace Kumoi.Tests.FaultTolerance.Protocols.LogReplay;

/// <summary>What can fail. The primary begins on host a, the replica is on b.</summary>
internal enum ReplayFault
{
    PrimaryPower = 0,

    BackupPower,

    /// <summary>The channel breaks, in both directions. What was in it may still arrive, from its beginning, or be lost.</summary>
    Channel,

    /// <summary>The controller does not reach the primary's host, which runs on.</summary>
    PrimaryCut,

    BackupCut,

    /// <summary>The process that holds the primary's outputs dies, and the VM runs on.</summary>
    PrimaryGate,

    /// <summary>The process that has the backup's side dies, and another one goes on with its log.</summary>
    BackupGate,
}
