namespace Kumoi.FaultTolerance.Engines;

/// <summary>Which engine an admin asks for.</summary>
public enum EngineChoice
{
    /// <summary>The best one in whose way nothing stands.</summary>
    Auto = 0,

    /// <summary>As <see cref="CheckpointEngine.LibvirtSnapshot"/>.</summary>
    LibvirtSnapshot,

    /// <summary>As <see cref="CheckpointEngine.Migrate"/>.</summary>
    Migrate,

    /// <summary>As <see cref="CheckpointEngine.SharedDelta"/>.</summary>
    SharedDelta,

    /// <summary>As <see cref="CheckpointEngine.Colo"/>.</summary>
    Colo,

    /// <summary>As <see cref="CheckpointEngine.LogReplay"/>.</summary>
    LogReplay,
}
