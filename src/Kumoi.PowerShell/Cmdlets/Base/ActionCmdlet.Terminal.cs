using System.Management.Automation;
using Kumoi.Hypervisors;
using Kumoi.Journal;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Lineage;
using Kumoi.PowerShell.Session;
using Kumoi.PowerShell.Substitution;

namespace Kumoi.PowerShell.Cmdlets.Base;

/// <content>What substitution needs of the cmdlet.</content>
public abstract partial class ActionCmdlet : ISubstitutionTerminal
{
    PSCmdlet ISubstitutionTerminal.Cmdlet => this;

    string? ISubstitutionTerminal.OwnObstacle =>
        NoSubstitution ? "-NoSubstitution was given"
        : KumoiPreference.Of(this).Substitution is SubstitutionPreference.None ? "$KumoiPreference.Substitution is None"
        : IsWhatIf() ? "nothing is done with -WhatIf"
        : MeansAnyElement ? null
        : $"{MyInvocation.MyCommand.Name} acts on what was chosen, and on nothing else";

    bool ISubstitutionTerminal.KeepsFailed => KeepFailed;

    IReadOnlyList<ActionRun> ISubstitutionTerminal.Runs => _runs;

    IReadOnlyList<ActionRequest.Candidate> ISubstitutionTerminal.Candidates => _candidates;

    CancellationToken ISubstitutionTerminal.StopToken => StopToken;

    bool ISubstitutionTerminal.BeginSubstitute(ActionRequest request) => Submit([request], isSubstitute: true);

    void ISubstitutionTerminal.Settle() => Drain(waitForAll: true);

    T ISubstitutionTerminal.Wait<T>(Task<T> task) => Await(task);

    string? ISubstitutionTerminal.Undo(DoneStep step, object element)
    {
        string? problem = null;
        try
        {
            AwaitWithWarnings(step.UndoAsync);
        }
        catch (Exception e) when (e is HypervisorException or OperationCanceledException or ActionFailedException or JournalException)
        {
            problem = e.Message;
        }

        RecordUndo(step.Cmdlet, element, problem);
        if (problem is not null)
        {
            WriteWarning($"What was done on {element} could not be undone: {problem}");
            NoteDebris(step.Cmdlet, element, problem);
        }

        return problem;
    }

    void ISubstitutionTerminal.Record(
        KumoiEventKind kind, object element, string message, params IEnumerable<(string Name, string? Value)> data) =>
        Record(kind, element, message, data);

    void ISubstitutionTerminal.WriteWarning(string text) => WriteWarning(text);

    void ISubstitutionTerminal.WriteVerbose(string text) => WriteVerbose(text);

    /// <summary>The event of an undoing: what it was of, and why it failed, if it did.</summary>
    private protected void RecordUndo(string undone, object element, string? problem) => Record(
        KumoiEventKind.Compensation, element,
        problem is null ? $"{undone} was undone on {element}." : $"{undone} could not be undone on {element}: {problem}",
        ("undone", undone), ("problem", problem));

    /// <summary>
    /// Leaves it open for whatever this cmdlet works for: a script that hides the error does not hide what is still there.
    /// </summary>
    private void NoteDebris(string cmdlet, object element, string problem) =>
        Watch().Add($"What {cmdlet} did on {element} and could not undo", problem);

    /// <summary>A later command may have ended the pipeline while failures waited to be replaced.</summary>
    private void AddWhatWasCutShort()
    {
        if (_lineage is null || _ended)
        {
            return;
        }

        _rounds?.AddWhatWasCutShort();
        if (_runs.Count > 0 && System.Management.Automation.Runspaces.Runspace.DefaultRunspace is not null)
        {
            LastTrace.Set(_lineage.Trace);
        }
    }
}
