namespace Kumoi.FaultTolerance.Engines;

/// <summary>Where an output is on its way: the points at which docs/experiments.md compares what a crash costs.</summary>
internal enum ReplayStep
{
    /// <summary>The log up to it and its marker are on their way to the backup.</summary>
    Sent = 0,

    /// <summary>The backup has them; the primary does not know that yet.</summary>
    Received,

    /// <summary>The primary knows it.</summary>
    Acknowledged,

    /// <summary>It has gone out; the backup does not know that yet.</summary>
    Performed,

    /// <summary>The backup knows that it has gone out.</summary>
    Noticed,

    /// <summary>The primary is fenced, and the backup has let out one of the outputs that it held.</summary>
    Drained,

    /// <summary>All is let out, and the one that takes over has the state of the replica; it does not run yet.</summary>
    Loaded,
}
