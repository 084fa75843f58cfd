using Kumoi.Hypervisors;

namespace Kumoi.FailureOblivious;

/// <summary>What stands in for a reading that failed.</summary>
public enum MaskMode
{
    /// <summary>The default that the property declares (<see cref="TypedDefaultAttribute"/>), else that of its type.</summary>
    Pessimistic = 0,

    /// <summary>The default of the type, as in paper 000.</summary>
    Zero,

    /// <summary>The last good reading, with its age; where there is none, as <see cref="Pessimistic"/>.</summary>
    LastKnown,
}
