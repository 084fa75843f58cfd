using Kumoi.Lineage;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Lineage;

namespace Kumoi.PowerShell.Substitution;

/// <summary>
/// What happens when requests were for several hosts, and none of these has won: they are made again for as many others, the next that the
/// same pipeline would have chosen, until one of them wins or nothing is left.
/// </summary>
internal sealed class SeveralHostsRounds(
    SubstitutionReserve reserve, ISubstitutionTerminal terminal, TerminalLineage lineage, ActionTrace trace, Compensation compensation)
{
    public void Replace(List<WaitingElement> waiting)
    {
        var count = terminal.Candidates.Count;
        FailAll(terminal.Candidates);
        if (terminal.Runs.All(IsNowhere) && Undo(terminal.Candidates) is { } debris)
        {
            waiting.ForEach(failed => failed.GiveUpForDebris(debris));
            return;
        }

        while (waiting.Count > 0)
        {
            if (reserve.Next(waiting) is not { } next)
            {
                return;
            }

            var bound = reserve.Bind(waiting, [.. next.Take(count)], settles => GiveUpAll(waiting, settles))
                .Select(candidate => (ActionRequest.Candidate)candidate.Request).ToList();
            if ((waiting.Count == 0 || bound.Count == 0 || !TryOn(waiting, bound)) && Undo(bound) is { } left)
            {
                waiting.ForEach(failed => failed.GiveUpForDebris(left));
                return;
            }
        }
    }

    private static void GiveUpAll(List<WaitingElement> waiting, Exception settles)
    {
        waiting.ForEach(failed => failed.GiveUp(settles));
        waiting.Clear();
    }

    /// <summary>Undoes what earlier cmdlets did to these. The first for which that failed; null: all is undone.</summary>
    private object? Undo(IEnumerable<ActionRequest.Candidate> candidates)
    {
        object? debris = null;
        foreach (var candidate in candidates.Where(candidate => !compensation.TryUndoEarlierSteps(candidate)))
        {
            debris ??= candidate.Target;
        }

        return debris;
    }

    /// <summary>
    /// Makes the requests for these hosts; true if one of them has, or may have, what was wanted. What is settled leaves the list.
    /// </summary>
    private bool TryOn(List<WaitingElement> waiting, List<ActionRequest.Candidate> candidates)
    {
        List<KumoiConnection> hosts = candidates.ConvertAll(candidate => candidate.Host);
        var names = string.Join(", ", hosts);
        trace.Add(LineageStepKind.Substitution, names, null);
        var firstNew = terminal.Runs.Count;
        List<WaitingElement> tried = [];
        foreach (var failed in waiting)
        {
            if (terminal.BeginSubstitute(((ActionRequest.ForSeveralHosts)failed.Run.Request).ForOthers(hosts)))
            {
                tried.Add(failed);
            }
            else
            {
                failed.Attempts.Add($"{names}: it was declined");
            }
        }

        terminal.Settle();
        var runs = terminal.Runs.Skip(firstNew).ToList();
        foreach (var (failed, run) in tried.Zip(runs))
        {
            if (run.Error is null)
            {
                waiting.Remove(failed);
                reserve.Replaced(failed, names);
                continue;
            }

            run.IsWritten = true;
            trace.AddFailure(run);
            failed.Attempts.Add($"{names}: {run.Error.Message}");
            if (reserve.IsNoFailureOfTheCandidate(run) || FaultRules.IsNotUndone(run.Error))
            {
                failed.GiveUp(run);
                waiting.Remove(failed);
            }
        }

        FailAll(candidates);
        return !runs.TrueForAll(IsNowhere);
    }

    private void FailAll(IEnumerable<ActionRequest.Candidate> candidates)
    {
        foreach (var candidate in candidates)
        {
            lineage.Fail(candidate.Origin!.Index);
        }
    }

    /// <summary>Nothing came of it on any of its hosts, for certain.</summary>
    private static bool IsNowhere(ActionRun run) => run.Error is not null && !run.MayHaveTakenEffect;
}
