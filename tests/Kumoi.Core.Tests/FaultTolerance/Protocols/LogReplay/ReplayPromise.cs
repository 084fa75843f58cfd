namespace Kumoi.Tests.FaultTolerance.Protocols.LogReplay;

/// <summary>What a pair promises, each as the way in which it is broken.</summary>
internal enum ReplayPromise
{
    /// <summary>The VM that serves has put out something that the outside has not got, and nobody holds it.</summary>
    Lost = 0,

    /// <summary>The outside has got what does not follow from what it got before.</summary>
    Contradicted,

    /// <summary>The outside got an output after a later one.</summary>
    OutOfOrder,

    /// <summary>
    /// An output is performed more often than allowed: again only if it is the last one, and if who performed it has ended before it could
    /// tell.
    /// </summary>
    Repeated,

    TwoServe,

    /// <summary>Nothing of the VM is left after one fault.</summary>
    VMLost,

    /// <summary>Nothing can happen any more, and nobody serves or something is still held.</summary>
    Stuck,
}
