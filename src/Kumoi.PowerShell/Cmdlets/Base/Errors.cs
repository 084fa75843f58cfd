using System.Management.Automation;
using Kumoi.Agents;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Journal;
using Kumoi.Speculation;

namespace Kumoi.PowerShell.Cmdlets.Base;

/// <summary>Failures as error records. The ids are stable: scripts may depend on them.</summary>
internal static class Errors
{
    /// <summary>A change may have taken effect, and what hid it was another error.</summary>
    public const string OutcomeUnknownId = "OutcomeUnknown";

    public static ErrorRecord ToRecord(Exception error, object? target, string? id = null)
    {
        var cause = error is CompensationFailedException compensation ? compensation.Cause : error;
        var hypervisor = cause as HypervisorException;
        var record = new ErrorRecord(error, id ?? IdOf(cause), Category(cause), target);
        var action = error is CompensationFailedException ? "See what is left with Get-KumoiVM and remove it."
            : cause is JournalException journal ? journal.RecommendedAction
            : cause is AgentException agent ? agent.RecommendedAction
            : hypervisor?.RecommendedAction;
        record.ErrorDetails = new ErrorDetails(Visible.Lines(error.Message)) { RecommendedAction = action ?? "" };
        return record;
    }

    public static ErrorRecord NotFound(string message, object target, string action) =>
        new(new ItemNotFoundException(Visible.Lines(message)), "NotFound", ErrorCategory.ObjectNotFound, target)
        {
            ErrorDetails = new ErrorDetails(Visible.Lines(message)) { RecommendedAction = Visible.Lines(action) },
        };

    /// <summary>Nobody knows: what may have it was not read.</summary>
    public static ErrorRecord NotKnown(string message, object target, string action) =>
        new(new ItemNotFoundException(Visible.Lines(message)), "NotKnown", ErrorCategory.ResourceUnavailable, target)
        {
            ErrorDetails = new ErrorDetails(Visible.Lines(message)) { RecommendedAction = Visible.Lines(action) },
        };

    /// <summary>Several names differ from the one that was given by case only.</summary>
    public static ErrorRecord Ambiguous(string name, IEnumerable<string> candidates)
    {
        var message = Visible.Text($"'{name}' is ambiguous: there are {string.Join(", ", candidates)}.");
        return new(new PSInvalidOperationException(message), "AmbiguousName", ErrorCategory.InvalidArgument, name)
        {
            ErrorDetails =
                new ErrorDetails(message) { RecommendedAction = "Write the name exactly as it is: upper and lower case count then." },
        };
    }

    private static string IdOf(Exception cause) => cause switch
    {
        HypervisorException { Error: HypervisorError.Other } => "HypervisorFailed",
        HypervisorException e => e.Error.ToString(),
        JournalException e => "Journal" + e.Error,
        AgentException e => "Agent" + e.Error,
        SpeculationFailedException => "SpeculationFailed",
        _ => cause.GetType().Name,
    };

    private static ErrorCategory Category(Exception error) => error switch
    {
        JournalException e => e.Error switch
        {
            JournalError.Damaged or JournalError.NewerSchema => ErrorCategory.InvalidData,
            JournalError.Busy => ErrorCategory.ResourceBusy,
            _ => ErrorCategory.ResourceUnavailable,
        },
        HypervisorException e => e.Error switch
        {
            HypervisorError.InvalidUri or HypervisorError.InvalidSpecification => ErrorCategory.InvalidArgument,
            HypervisorError.LibraryMissing => ErrorCategory.NotInstalled,
            HypervisorError.ConnectionFailed => ErrorCategory.ConnectionError,
            HypervisorError.AuthenticationFailed => ErrorCategory.AuthenticationError,
            HypervisorError.TimedOut => ErrorCategory.OperationTimeout,
            HypervisorError.VMNotFound or HypervisorError.SnapshotNotFound or HypervisorError.DiskNotFound
                or HypervisorError.AdapterNotFound => ErrorCategory.ObjectNotFound,
            HypervisorError.VMExists or HypervisorError.SnapshotExists or HypervisorError.NetworkClash =>
                ErrorCategory.ResourceExists,
            HypervisorError.InvalidState or HypervisorError.InMaintenance or HypervisorError.RunsElsewhere =>
                ErrorCategory.InvalidOperation,
            HypervisorError.NotSupported => ErrorCategory.NotImplemented,
            HypervisorError.ResourceUnavailable or HypervisorError.StorageFailed or HypervisorError.CircuitOpen =>
                ErrorCategory.ResourceUnavailable,
            HypervisorError.Aborted => ErrorCategory.OperationStopped,
            _ => ErrorCategory.NotSpecified,
        },
        AgentException e => e.Error switch
        {
            AgentError.NotInstalled or AgentError.RuntimeMissing => ErrorCategory.NotInstalled,
            AgentError.NotSupported => ErrorCategory.NotImplemented,
            AgentError.NotOurs => ErrorCategory.SecurityError,
            AgentError.NotResponding or AgentError.BrokeOff => ErrorCategory.OperationTimeout,
            AgentError.HasWork => ErrorCategory.ResourceBusy,
            AgentError.NotFound => ErrorCategory.ObjectNotFound,
            AgentError.Exists => ErrorCategory.ResourceExists,
            AgentError.OtherVersion or AgentError.Refused => ErrorCategory.InvalidOperation,
            _ => ErrorCategory.ResourceUnavailable,
        },
        SpeculationFailedException { InnerException: { } first } => Category(first),
        OperationCanceledException => ErrorCategory.OperationStopped,
        _ => ErrorCategory.NotSpecified,
    };
}
