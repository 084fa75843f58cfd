using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.Lineage;

namespace Kumoi.PowerShell.Actions;

/// <summary>A script block that wrote errors, or threw: the action has failed. The first record is the cause.</summary>
internal sealed class ActionFailedException(IReadOnlyList<ErrorRecord> records)
    : Exception(records[0].ToString(), records[0].Exception), IFaultDomainSource, IFailureOfSeveral
{
    /// <summary>The error id where an element failed, and nothing was left in its lineage to take its place.</summary>
    public const string ExhaustedId = "LineageExhausted";

    public List<ErrorRecord> Records { get; } = [.. records];

    /// <summary>Why the action's own undoing failed too, so that what it did may still be there; null: it did not.</summary>
    public Exception? Undoing { get; init; }

    /// <summary>That of the cause.</summary>
    public FaultDomain FaultDomain => IsExhausted ? FaultDomain.Unknown : FaultRules.DomainOf(Records[0].Exception);

    public IEnumerable<Exception> Failures => Undoing is null
        ? Records.Select(record => record.Exception)
        : [.. Records.Select(record => record.Exception), new CompensationFailedException(Records[0].Exception, Undoing)];

    /// <summary>An inner lineage had nothing left: that is for the next outer one, whatever the failure was of.</summary>
    public bool IsExhausted => Records[0].FullyQualifiedErrorId.StartsWith(ExhaustedId, StringComparison.Ordinal);
}
