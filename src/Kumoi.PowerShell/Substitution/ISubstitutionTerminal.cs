using System.Management.Automation;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Lineage;

namespace Kumoi.PowerShell.Substitution;

/// <summary>
/// What substitution needs of the cmdlet whose failed elements it replaces. All of it on the pipeline thread, which alone writes.
/// </summary>
internal interface ISubstitutionTerminal
{
    /// <summary>In whose session steps are run again.</summary>
    PSCmdlet Cmdlet { get; }

    /// <summary>Why this cmdlet replaces nothing, wherever its elements come from; null if it may.</summary>
    string? OwnObstacle { get; }

    /// <summary>What was done to a failed element is left as it is.</summary>
    bool KeepsFailed { get; }

    /// <summary>All that was begun, in order.</summary>
    IReadOnlyList<ActionRun> Runs { get; }

    /// <summary>The hosts that came for one request.</summary>
    IReadOnlyList<ActionRequest.Candidate> Candidates { get; }

    /// <summary>Cancelled when the pipeline is stopped.</summary>
    CancellationToken StopToken { get; }

    /// <summary>Begins with a substitute, unless the user declines it: then false.</summary>
    bool BeginSubstitute(ActionRequest request);

    /// <summary>Waits until all that was begun is settled.</summary>
    void Settle();

    /// <summary>Waits; Ctrl+C ends the wait.</summary>
    T Wait<T>(Task<T> task);

    /// <summary>Undoes one thing, which is an event. Why it could not be undone, which is a warning as well; null: it was.</summary>
    string? Undo(DoneStep step, object element);

    /// <summary>One event and a line in the journal.</summary>
    void Record(KumoiEventKind kind, object element, string message, params IEnumerable<(string Name, string? Value)> data);

    void WriteWarning(string text);

    void WriteVerbose(string text);
}
