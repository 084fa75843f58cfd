using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.Fleets.Journaling;

namespace Kumoi.PowerShell.Pumping;

/// <summary>One request under way or settled.</summary>
internal sealed class ActionRun(ActionRequest request, Task<ActionResult> task, OpenOutcomes outcomes)
{
    public ActionRequest Request => request;

    public Task<ActionResult> Task => task;

    /// <summary>It stands in for an element that failed.</summary>
    public bool IsSubstitute { get; init; }

    /// <summary>The error to write for it, once it is known that nothing takes its place.</summary>
    public ErrorRecord? Verdict { get; set; }

    /// <summary>A substitute may have taken effect, or what was done could not be undone: then it must not be masked.</summary>
    public bool IsOutcomeOpen { get; set; }

    /// <summary>The changes that were asked for and of which nobody knows whether they took effect, whatever was said of them.</summary>
    public IReadOnlyList<OpenOutcome> Open => outcomes.Left;

    public OpenOutcomes Outcomes => outcomes;

    /// <summary>Its output, or its error, was written.</summary>
    public bool IsWritten { get; set; }

    public bool IsSettled => task.IsCompleted;

    public Exception? Error => task.IsFaulted ? task.Exception!.InnerException : task.IsCanceled ? new OperationCanceledException() : null;
}
