namespace Kumoi;

/// <summary>What became of an operation.</summary>
public enum OperationState
{
    /// <summary>Intended, and not yet known to have ended: it is under way, or its owner died.</summary>
    Pending = 0,
    Succeeded,

    /// <summary>It did not take effect.</summary>
    Failed,

    /// <summary>It may have taken effect: the answer was lost, did not come in time, or nobody waited for it.</summary>
    Unknown,
}
