using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Journal;

namespace Kumoi.FailureOblivious;

/// <summary>Which failures may be masked.</summary>
internal static class Masking
{
    /// <summary>
    /// Not a change that may have taken effect, or that could not be undone: it must be found out. Nor a journal that cannot be written:
    /// without it nothing is changed anywhere.
    /// </summary>
    public static bool Allows(Exception failure) => failure switch
    {
        HypervisorException e => !e.OutcomeUnknown,
        CompensationFailedException or OperationCanceledException or JournalException => false,
        _ => true,
    };
}
