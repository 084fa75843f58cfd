using Kumoi.Hypervisors;

namespace Kumoi.Fleets;

/// <summary>A step failed, and what it had done could not be undone. The first cause stays the cause.</summary>
public sealed class CompensationFailedException(Exception cause, Exception undoing)
    : Exception($"{cause.Message.TrimEnd('.')}. What it had made could not be removed: {undoing.Message}", cause), IFaultDomainSource
{
    /// <summary>Why the step failed.</summary>
    public Exception Cause => InnerException!;

    /// <summary>Why it could not be undone.</summary>
    public Exception Undoing { get; } = undoing;

    /// <summary>The cause's: it decides who answers the failure.</summary>
    public FaultDomain FaultDomain => (Cause as IFaultDomainSource)?.FaultDomain ?? FaultDomain.Unknown;

    /// <summary>Whether the step may have taken effect.</summary>
    public bool OutcomeUnknown => Cause is HypervisorException { OutcomeUnknown: true };
}
