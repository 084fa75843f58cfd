using Kumoi.Fleets.Journaling;
using Kumoi.Lineage;

namespace Kumoi.PowerShell.Actions;

/// <summary>One request under way or settled.</summary>
internal sealed class ActionRun(ActionRequest request, Task<ActionResult> task, OpenOutcomes outcomes)
{
    public ActionRequest Request => request;

    public Task<ActionResult> Task => task;

    /// <summary>It stands in for an element that failed.</summary>
    public bool IsSubstitute { get; init; }

    /// <summary>What to write of it, once it is known that nothing takes its place; null: its failure as it is.</summary>
    public ActionVerdict? Verdict { get; set; }

    /// <summary>A substitute may have taken effect, or what was done could not be undone: then it must not be masked.</summary>
    public bool IsOutcomeOpen { get; set; }

    /// <summary>The changes that were asked for and of which nobody knows whether they took effect, whatever was said of them.</summary>
    public IReadOnlyList<OpenOutcome> Open => outcomes.Left;

    public OpenOutcomes Outcomes => outcomes;

    /// <summary>It, or an earlier cmdlet's work on the element, may have taken effect, and nobody has proven the opposite.</summary>
    public bool MayHaveTakenEffect =>
        Open.Count > 0
        || (request.Origin?.LeftOpen.Any(earlier => earlier.IsOpen) ?? false)
        || (Error is { } error && FaultRules.OperationMayHaveTakenEffect(error));

    /// <summary>Its output, or its error, was written.</summary>
    public bool IsWritten { get; set; }

    public bool IsSettled => task.IsCompleted;

    public Exception? Error => task.IsFaulted ? task.Exception!.InnerException : task.IsCanceled ? new OperationCanceledException() : null;
}
