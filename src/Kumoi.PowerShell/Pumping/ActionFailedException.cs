using System.Management.Automation;

namespace Kumoi.PowerShell.Pumping;

/// <summary>A script block that wrote errors, or threw: the action has failed. The first record is the cause.</summary>
internal sealed class ActionFailedException(IReadOnlyList<ErrorRecord> records) : Exception(records[0].ToString(), records[0].Exception)
{
    public List<ErrorRecord> Records { get; } = [.. records];

    /// <summary>The action's own undoing failed too: what it did may still be there.</summary>
    public bool IsUndoFailed { get; init; }

    /// <summary>An inner lineage had nothing left: that is for the next outer one, whatever the failure was of.</summary>
    public bool IsExhausted => Records[0].FullyQualifiedErrorId.StartsWith(Errors.ExhaustedId, StringComparison.Ordinal);
}
