using Kumoi.Fleets;
using Kumoi.Journal;
using Kumoi.Lineage;
using Kumoi.PowerShell.Lineage;

namespace Kumoi.PowerShell.Pumping;

/// <content>What happens when a request was for several hosts, and none of them has won.</content>
public abstract partial class ActionCmdlet
{
    /// <summary>
    /// The request is made again for as many others, the next that the same pipeline would have chosen, until one of them wins or nothing is
    /// left.
    /// </summary>
    private void ReplaceCandidates(TerminalLineage lineage, List<Failed> pending)
    {
        var count = _candidates.Count;
        _candidates.ForEach(candidate => lineage.Fail(candidate.Origin!.Index));
        if (_runs.TrueForAll(IsNowhere) && Undo(_candidates) is { } debris)
        {
            pending.ForEach(failed => GiveUpForDebris(failed, debris));
            return;
        }

        while (pending.Count > 0)
        {
            if (lineage.Changed() is { } changed)
            {
                Refuse(changed);
                return;
            }

            var next = lineage.Candidates();
            if (next.Count == 0)
            {
                Exhaust(lineage, pending);
                return;
            }

            var bound = Bind(lineage, pending, [.. next.Take(count)]);
            if ((pending.Count == 0 || bound.Count == 0 || !TryOn(lineage, pending, bound)) && Undo(bound) is { } left)
            {
                pending.ForEach(failed => GiveUpForDebris(failed, left));
                return;
            }
        }
    }

    /// <summary>Undoes what earlier cmdlets did to these. The first for which that failed; null: all is undone.</summary>
    private object? Undo(List<ActionRequest> candidates)
    {
        object? debris = null;
        foreach (var candidate in candidates.Where(candidate => !UndoEarlierSteps(candidate)))
        {
            debris ??= candidate.Target;
        }

        return debris;
    }

    /// <summary>Those of the candidates that still are what was meant.</summary>
    private List<ActionRequest> Bind(TerminalLineage lineage, List<Failed> pending, IReadOnlyList<int> candidates)
    {
        var bound = new List<ActionRequest>();
        foreach (var candidate in lineage.Bind(candidates))
        {
            if (candidate.Request is { } request)
            {
                bound.Add(request);
                continue;
            }

            TurnDown(lineage, pending, candidate.Index, candidate.Reason!);
            if (candidate.Settles is { } settles)
            {
                pending.ForEach(failed => GiveUp(failed, settles));
                pending.Clear();
                break;
            }
        }

        return bound;
    }

    /// <summary>Makes the requests for these hosts; true if one of them has, or may have, what was wanted. What is settled leaves the list.</summary>
    private bool TryOn(TerminalLineage lineage, List<Failed> pending, List<ActionRequest> candidates)
    {
        var hosts = candidates.ConvertAll(candidate => candidate.Candidate!);
        var names = string.Join(", ", hosts);
        Tell(LineageStepKind.Substitution, names, null);
        var firstNew = _runs.Count;
        List<Failed> tried = [];
        foreach (var failed in pending.ToList())
        {
            if (Submit([failed.Run.Request.ForOthers!(hosts)], isSubstitute: true))
            {
                tried.Add(failed);
            }
            else
            {
                failed.Attempts.Add($"{names}: it was declined");
            }
        }

        Drain(waitForAll: true);
        var runs = _runs.Skip(firstNew).ToList();
        foreach (var (failed, run) in tried.Zip(runs))
        {
            if (run.Error is null)
            {
                pending.Remove(failed);
                failed.Run.IsWritten = true;
                TellReplaced(failed.Run, names);
                continue;
            }

            run.IsWritten = true;
            TellFailure(run);
            failed.Attempts.Add($"{names}: {run.Error.Message}");
            if (!lineage.Concerns(run.Error) || MayHaveDone(run) || FaultRules.IsOfJournal(run.Error))
            {
                GiveUp(failed, run);
                pending.Remove(failed);
            }
        }

        candidates.ForEach(candidate => lineage.Fail(candidate.Origin!.Index));
        return !runs.TrueForAll(IsNowhere);
    }

    /// <summary>Nothing came of it on any of its hosts, for certain.</summary>
    private static bool IsNowhere(ActionRun run) => run.Error is not null && !MayHaveDone(run);

    /// <summary>What has failed: the element, or all hosts that the request was for.</summary>
    private string NameOf(ActionRequest request) => request.Origin?.Name ?? string.Join(", ", Candidates);

    private void TellReplaced(ActionRun replaced, string name)
    {
        var failedName = NameOf(replaced.Request);
        Tell(LineageStepKind.Success, name, $"for {failedName}");
        var told = $"{failedName} failed: {replaced.Error!.Message.TrimEnd('.')}; {name} took {(replaced.Request.ForOthers is null ? "its" : "their")} place";
        Record(KumoiEventKind.Substitution, replaced.Request.Target, told, ("substitute", name), ("cause", replaced.Error.Message));
        WriteWarning(told);
    }
}
