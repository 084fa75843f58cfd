using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Journal;
using Kumoi.Lineage;
using Kumoi.PowerShell.Lineage;
using Kumoi.Speculation;

namespace Kumoi.PowerShell.Pumping;

/// <content>What happens with failed elements when all input has come.</content>
public abstract partial class ActionCmdlet
{
    /// <summary>Waits for work that the lineage needs.</summary>
    internal void WaitFor(Func<CancellationToken, Task> work) => Await(work(StopToken));

    /// <summary>Undoes one thing, which is an event and a line in the trace; what cannot be undone is a warning too, and false.</summary>
    internal bool TryUndo(DoneStep step, object element)
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

        Tell(LineageStepKind.Compensation, step.Cmdlet, element.ToString(), problem);
        return problem is null;
    }

    /// <summary>Tells whatever this cmdlet works for, so that a script that hides the error does not hide what is left.</summary>
    private void NoteDebris(string cmdlet, object element, string problem) =>
        Watch().Add($"What {cmdlet} did on {element} and could not undo", problem);

    /// <summary>The event of an undoing: what it was of, and why it failed, if it did.</summary>
    private protected void RecordUndo(string undone, object element, string? problem) => Record(
        KumoiEventKind.Compensation, element,
        problem is null ? $"{undone} was undone on {element}." : $"{undone} could not be undone on {element}: {problem}",
        ("undone", undone), ("problem", problem));

    private void Substitute(TerminalLineage lineage)
    {
        var failures = _runs.Where(run => run.Error is not null).ToList();
        var pending = failures.Where(run => !run.IsWritten && CanBeReplaced(run, inputEnded: true)).Select(run => new Failed(run)).ToList();
        var cannot = pending.Count > 0 ? lineage.Verify() : null;
        lineage.TellAction(_runs.Count);
        foreach (var run in failures)
        {
            TellFailure(run);
            if (run.IsWritten || !pending.Exists(failed => ReferenceEquals(failed.Run, run)))
            {
                TellWhyNot(lineage, run);
            }
        }

        if (cannot is not null)
        {
            Refuse(cannot);
            return;
        }

        if (pending.Exists(failed => failed.Run.Request.ForOthers is not null))
        {
            ReplaceCandidates(lineage, pending);
            return;
        }

        foreach (var failed in pending)
        {
            lineage.Fail(failed.Run.Request.Origin!.Index);
        }

        while (pending.Count > 0)
        {
            if (lineage.Changed() is { } changed)
            {
                Refuse(changed);
                return;
            }

            var candidates = lineage.Candidates();
            if (candidates.Count == 0)
            {
                Exhaust(lineage, pending);
                return;
            }

            if (UndoFailed(pending, candidates.Count))
            {
                Replace(lineage, pending, [.. candidates.Take(pending.Count)]);
            }
        }
    }

    private void Refuse(string why)
    {
        WriteVerbose($"No substitution: {why}.");
        Tell(LineageStepKind.Note, null, $"no substitution: {why}");
    }

    /// <summary>
    /// Undoes what earlier cmdlets did to as many of the failed as there are candidates. What cannot be undone is given up: a substitute could
    /// be a second copy. False: one was, so that there is to be counted anew.
    /// </summary>
    private bool UndoFailed(List<Failed> pending, int candidates)
    {
        var count = pending.Count;
        foreach (var failed in pending.Take(candidates).Where(failed => !failed.IsUndone).ToList())
        {
            failed.IsUndone = true;
            if (!UndoEarlierSteps(failed.Run.Request))
            {
                GiveUpForDebris(failed, failed.Run.Request.Target);
                pending.Remove(failed);
            }
        }

        return pending.Count == count;
    }

    /// <summary>What was done to an element could not be undone: a substitute would be a second one.</summary>
    private void GiveUpForDebris(Failed failed, object element)
    {
        failed.Run.IsOutcomeOpen = true;
        var record = Errors.ToRecord(failed.Run.Error!, failed.Run.Request.Target);
        record.ErrorDetails.RecommendedAction = "See what is left with Get-KumoiVM, and remove it before you do it again.";
        GiveUp(failed, record, $"What was done on {element} could not be undone, so nothing takes its place.");
    }

    /// <summary>One round: takes as many candidates as there are failures, and works on them. What is replaced leaves the list.</summary>
    private void Replace(TerminalLineage lineage, List<Failed> pending, IReadOnlyList<int> candidates)
    {
        var firstNew = _runs.Count;
        foreach (var candidate in lineage.Bind(candidates))
        {
            if (candidate.Request is not { } request)
            {
                TurnDown(lineage, pending, candidate.Index, candidate.Reason!);
                if (candidate.Settles is { } settles)
                {
                    GiveUp(pending[0], settles);
                    pending.RemoveAt(0);
                    break;
                }

                continue;
            }

            Tell(LineageStepKind.Substitution, lineage.NameOf(candidate.Index), null);
            if (!Submit([request], isSubstitute: true))
            {
                TurnDown(lineage, pending, candidate.Index, "it was declined");
                if (!UndoEarlierSteps(request))
                {
                    GiveUpForDebris(pending[0], request.Target);
                    pending.RemoveAt(0);
                    break;
                }
            }
        }

        Drain(waitForAll: true);
        foreach (var run in _runs.Skip(firstNew).ToList())
        {
            if (pending.Count == 0)
            {
                // Its element was given up meanwhile. What was made in its place stays, and comes out; a failure concerns nobody.
                run.IsWritten |= run.Error is not null;
                continue;
            }

            var name = run.Request.Origin!.Name;
            if (run.Error is null)
            {
                var replaced = pending[0];
                pending.RemoveAt(0);
                replaced.Run.IsWritten = true;
                TellReplaced(replaced.Run, name);
                continue;
            }

            run.IsWritten = true;
            TellFailure(run);
            lineage.Fail(run.Request.Origin.Index);
            var isUndone = UndoEarlierSteps(run.Request);
            pending.ForEach(failed => failed.Attempts.Add($"{name}: {run.Error.Message}"));
            if (MayHaveDone(run) || FaultRules.IsOfJournal(run.Error) || !lineage.Concerns(run.Error))
            {
                // What failed now is not the candidate: others would fail alike, or could make a second copy.
                GiveUp(pending[0], run);
                pending.RemoveAt(0);
            }
            else if (!isUndone || FaultRules.IsNotUndone(run.Error))
            {
                GiveUpForDebris(pending[0], run.Request.Target);
                pending.RemoveAt(0);
            }
        }
    }

    private void Exhaust(TerminalLineage lineage, List<Failed> pending)
    {
        Tell(LineageStepKind.Exhaustion, null, $"{pending.Count} not replaced");
        foreach (var failed in pending)
        {
            var name = NameOf(failed.Run.Request);
            var record = Errors.ToRecord(failed.Run.Error!, failed.Run.Request.Target, Errors.ExhaustedId);
            GiveUp(
                failed, record,
                $"Nothing was left to take the place of {name}"
                + (failed.Attempts.Count == 0 ? "." : $"; tried {string.Join("; ", failed.Attempts.Distinct())}"));
            Record(
                KumoiEventKind.Exhaustion, failed.Run.Request.Target, $"Nothing was left to take the place of {name}.",
                ("cause", failed.Run.Error!.Message));
        }
    }

    /// <summary>The first cause stays the error; what was tried is told with it. It is written when all outputs are.</summary>
    private static void GiveUp(Failed failed, ErrorRecord record, string what)
    {
        var action = record.ErrorDetails?.RecommendedAction;
        record.ErrorDetails = new ErrorDetails($"{failed.Run.Error!.Message.TrimEnd('.')}. {what}") { RecommendedAction = action ?? "" };
        failed.Run.Verdict = record;
    }

    /// <inheritdoc cref="GiveUp(Failed, Exception)"/>
    private static void GiveUp(Failed failed, ActionRun settles)
    {
        GiveUp(failed, settles.Error!);
        if (MayHaveDone(settles))
        {
            failed.Run.IsOutcomeOpen = true;
            foreach (var open in settles.Open.Where(open => !failed.Run.Verdict!.ErrorDetails.Message.Contains(open.Why ?? " ", StringComparison.Ordinal)))
            {
                failed.Run.Verdict!.ErrorDetails = new ErrorDetails($"{failed.Run.Verdict.ErrorDetails.Message.TrimEnd('.')}. {open}.")
                {
                    RecommendedAction = failed.Run.Verdict.ErrorDetails.RecommendedAction,
                };
            }
        }
    }

    /// <summary>What a substitute met settles it. If that may have taken effect, it is neither masked nor without its own advice.</summary>
    private static void GiveUp(Failed failed, Exception settles)
    {
        failed.Run.IsOutcomeOpen = FaultRules.OperationMayHaveTakenEffect(settles) || FaultRules.IsNotUndone(settles);
        var record = Errors.ToRecord(failed.Run.Error!, failed.Run.Request.Target);
        if (failed.Run.IsOutcomeOpen)
        {
            record.ErrorDetails.RecommendedAction = Errors.ToRecord(settles, null).ErrorDetails.RecommendedAction;
        }

        GiveUp(failed, record, settles.Message);
    }

    private void TurnDown(TerminalLineage lineage, List<Failed> pending, int index, string reason)
    {
        lineage.Fail(index);
        pending.ForEach(failed => failed.Attempts.Add($"{lineage.NameOf(index)}: {reason}"));
        Tell(LineageStepKind.Rejection, lineage.NameOf(index), reason);
    }

    /// <summary>False: not all of it was undone. With -KeepFailed nothing is to be undone.</summary>
    private bool UndoEarlierSteps(ActionRequest request)
    {
        var isUndone = true;
        foreach (var step in KeepFailed ? [] : request.Origin?.Done.Reverse() ?? [])
        {
            isUndone &= TryUndo(step, request.Target);
        }

        return isUndone;
    }

    /// <summary>A later command may have ended the pipeline while failures waited to be replaced: they are told in the trace at least.</summary>
    private void TellWhatWasCutShort()
    {
        if (_lineage is null || _ended)
        {
            return;
        }

        foreach (var run in _runs.Where(run => run is { IsWritten: false, Error: not null and not OperationCanceledException }))
        {
            TellFailure(run);
            Tell(LineageStepKind.Note, null, "not replaced: the pipeline was ended by a later command");
        }

        if (_runs.Count > 0 && System.Management.Automation.Runspaces.Runspace.DefaultRunspace is not null)
        {
            LastTrace.Set(_lineage.Trace);
        }
    }

    private void Tell(LineageStepKind kind, string? element, string? detail, FaultDomain? domain = null) =>
        Tell(kind, MyInvocation.MyCommand.Name, element, detail, domain);

    private void Tell(LineageStepKind kind, string cmdlet, string? element, string? detail, FaultDomain? domain = null) => _lineage?.Trace.Add(new LineageStep
    {
        Kind = kind,
        Operator = cmdlet,
        Element = element,
        Detail = detail,
        FaultDomain = domain,
    });

    private void TellFailure(ActionRun run)
    {
        var error = run.Error!;
        var element = run.Request.Origin is { IsElement: false } origin ? origin.Name : run.Request.Target.ToString();
        Tell(LineageStepKind.Failure, element, error.Message, FaultRules.DomainOf(error));
        if (error is CompensationFailedException debris)
        {
            Tell(LineageStepKind.Compensation, element, debris.Undoing.Message);
        }
    }

    private void TellWhyNot(TerminalLineage lineage, ActionRun run)
    {
        var why = FaultRules.IsOfJournal(run.Error!) ? FaultRules.WithoutJournal
            : run.Request is { Origin: null, ForOthers: null } ? "the object does not come from a Kumoi source"
            : FaultRules.IsNotUndone(run.Error!) && !KeepFailed ? FaultRules.NotUndone
            : MayHaveDone(run) ? $"{FaultRules.InDoubt}{string.Concat(run.Open.Select(open => $"; {open}"))}"
            : lineage.Obstacle(inputEnded: true) is { } obstacle ? $"{obstacle}. Select-KumoiHost and Select-KumoiVM keep a reserve whatever stands above them"
            : FaultRules.IsOfRequest(run.Request.Target, run.Error!) ? FaultRules.WrongRequest
            : !lineage.Concerns(run.Error!) ? FaultRules.OfOtherDomain(run.Error!)
            : null;
        if (why is not null)
        {
            WriteVerbose($"No substitution for {run.Request.Target}: {why}.");
            Tell(LineageStepKind.Note, null, $"no substitution: {why}");
        }
    }

    private bool CanBeReplaced(ActionRun run, bool inputEnded) =>
        _lineage is not null
        && run.Request is not { Origin: null, ForOthers: null }
        && run.Error is { } error and not OperationCanceledException
        && !FaultRules.IsOfJournal(error)
        && !MayHaveDone(run)
        && !FaultRules.IsNotUndone(error)
        && !FaultRules.IsOfRequest(run.Request.Target, error)
        && _lineage.Obstacle(inputEnded) is null
        && _lineage.Concerns(error);

    /// <summary>It may have taken effect, and nobody has proven the opposite: another element must not take its place.</summary>
    private static bool MayHaveDone(ActionRun run) => run.Open.Count > 0 || (run.Request.Origin?.LeftOpen.Any(earlier => earlier.IsOpen) ?? false) || (run.Error is { } error && FaultRules.OperationMayHaveTakenEffect(error));

    private IEnumerable<ActionRun> InLineageOrder(IEnumerable<ActionRun> runs)
    {
        // Without a substitute the elements are in order as they came.
        if (_lineage is not { SettlesBeforeOutput: true } || !_runs.Exists(run => run.IsSubstitute))
        {
            return [.. runs];
        }

        var place = _lineage.FinalOrder.Select((index, at) => (index, at)).ToDictionary(entry => entry.index, entry => entry.at);
        return [.. runs.OrderBy(run => run.Request.Origin is { } origin ? place.GetValueOrDefault(origin.Index, int.MaxValue) : int.MaxValue)];
    }

    /// <summary>An element that waits for another to take its place.</summary>
    private sealed class Failed(ActionRun run)
    {
        public ActionRun Run => run;

        /// <summary>What earlier cmdlets of the pipeline did to it was undone.</summary>
        public bool IsUndone { get; set; }

        public List<string> Attempts { get; } = [];
    }
}
