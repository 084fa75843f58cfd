using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Lineage;

namespace Kumoi.PowerShell.Substitution;

/// <summary>Undoes what the pipeline did to elements that are replaced, newest first.</summary>
internal sealed class Compensation(ISubstitutionTerminal terminal, ActionTrace trace)
{
    /// <summary>Undoes one thing. False: it could not be undone.</summary>
    public bool TryUndo(DoneStep step, object element)
    {
        var problem = terminal.Undo(step, element);
        trace.AddUndoing(step.Cmdlet, element, problem);
        return problem is null;
    }

    /// <summary>Undoes what earlier cmdlets did. False: not all of it could be. With -KeepFailed nothing is to be undone.</summary>
    public bool TryUndoEarlierSteps(ActionRequest request)
    {
        var isUndone = true;
        foreach (var step in terminal.KeepsFailed ? [] : request.Origin?.Done.Reverse() ?? [])
        {
            isUndone &= TryUndo(step, request.Target);
        }

        return isUndone;
    }
}
