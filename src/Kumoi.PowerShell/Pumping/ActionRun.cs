using System.Management.Automation;

namespace Kumoi.PowerShell.Pumping;

/// <summary>One request under way or settled.</summary>
internal sealed class ActionRun(ActionRequest request, Task<ActionResult> task)
{
    public ActionRequest Request => request;

    public Task<ActionResult> Task => task;

    /// <summary>It stands in for an element that failed.</summary>
    public bool IsSubstitute { get; init; }

    /// <summary>The error to write for it, once it is known that nothing takes its place.</summary>
    public ErrorRecord? Verdict { get; set; }

    /// <summary>A substitute may have taken effect: then it must not be masked.</summary>
    public bool IsOutcomeOpen { get; set; }

    /// <summary>Its output, or its error, was written.</summary>
    public bool IsWritten { get; set; }

    public bool IsSettled => task.IsCompleted;

    public Exception? Error => task.IsFaulted ? task.Exception!.InnerException : task.IsCanceled ? new OperationCanceledException() : null;
}
