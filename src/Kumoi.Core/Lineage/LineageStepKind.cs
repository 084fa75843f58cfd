namespace Kumoi.Lineage;

/// <summary>What one line of a <see cref="LineageTrace"/> tells.</summary>
public enum LineageStepKind
{
    /// <summary>Where the elements came from.</summary>
    Source = 0,

    /// <summary>An operator that keeps, orders or transforms.</summary>
    Operator,

    /// <summary>An operator that left a reserve.</summary>
    Extraction,

    /// <summary>What was done with each element.</summary>
    Action,

    /// <summary>An element failed.</summary>
    Failure,

    /// <summary>What was done to a failed element was undone (or could not be: see the detail).</summary>
    Compensation,

    /// <summary>A candidate was taken from the reserve.</summary>
    Substitution,

    /// <summary>A candidate no longer matched when it was read again, or was turned down on the way.</summary>
    Rejection,

    /// <summary>A substitute succeeded.</summary>
    Success,

    /// <summary>Nothing was left in the reserve.</summary>
    Exhaustion,

    /// <summary>Why there was no substitution.</summary>
    Note,
}
