namespace Kumoi.Hypervisors;

/// <summary>What stands in for the result of a call that failed, where failures are masked.</summary>
public enum MaskPolicy
{
    /// <summary>Nothing: the failure is never masked, because a made-up answer would do harm.</summary>
    Never = 0,

    /// <summary>The typed default of the result; for a change, that nothing was done.</summary>
    TypedDefault,

    /// <summary>Null, as if there were none.</summary>
    LeftOut,
}
