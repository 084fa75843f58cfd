using Kumoi.Lineage;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Lineage;

namespace Kumoi.PowerShell.Substitution;

/// <summary>
/// Gives the candidates of one terminal, in the order in which the pipeline would choose them, and reports what becomes of them.
/// </summary>
internal sealed class SubstitutionReserve(ISubstitutionTerminal terminal, TerminalLineage lineage, ActionTrace trace, PipelineReplay replay)
{
    /// <summary>Null: there are none, and that is the verdict on all that wait.</summary>
    public IReadOnlyList<int>? Next(List<WaitingElement> waiting)
    {
        if (lineage.Changed() is { } changed)
        {
            Refuse(changed);
            return null;
        }

        var candidates = replay.Candidates();
        if (candidates.Count > 0)
        {
            return candidates;
        }

        Exhaust(waiting);
        return null;
    }

    /// <summary>
    /// Takes candidates to the terminal. One that is turned down is out. If that settles more, it is the last, and
    /// <paramref name="giveUp"/> is called.
    /// </summary>
    public IEnumerable<(int Index, ActionRequest Request)> Bind(
        List<WaitingElement> waiting, IReadOnlyList<int> candidates, Action<Exception> giveUp)
    {
        foreach (var candidate in replay.Bind(candidates))
        {
            if (candidate.Request is { } request)
            {
                yield return (candidate.Index, request);
                continue;
            }

            TurnDown(waiting, candidate.Index, candidate.Reason!);
            if (candidate.Settles is { } settles)
            {
                giveUp(settles);
                yield break;
            }
        }
    }

    /// <summary>A candidate is out, and why is said of all that wait.</summary>
    public void TurnDown(List<WaitingElement> waiting, int index, string reason)
    {
        lineage.Fail(index);
        waiting.ForEach(failed => failed.Attempts.Add($"{lineage.NameOf(index)}: {reason}"));
        trace.Add(LineageStepKind.Rejection, lineage.NameOf(index), reason);
    }

    /// <summary>What failed is no error: it was replaced.</summary>
    public void Replaced(WaitingElement replaced, string name)
    {
        var run = replaced.Run;
        run.IsWritten = true;
        var failed = NameOf(run.Request);
        var cause = run.Error!.Message;
        var whose = run.Request is ActionRequest.ForSeveralHosts ? "their" : "its";
        var message = $"{failed} failed: {cause.TrimEnd('.')}; {name} took {whose} place";
        trace.Add(LineageStepKind.Success, name, $"for {failed}");
        terminal.Record(KumoiEventKind.Substitution, run.Request.Target, message, ("substitute", name), ("cause", cause));
        terminal.WriteWarning(message);
    }

    /// <summary>Nothing is replaced.</summary>
    public void Refuse(string why)
    {
        terminal.WriteVerbose($"No substitution: {why}.");
        trace.Add(LineageStepKind.Note, null, $"no substitution: {why}");
    }

    /// <summary>After this failure of a substitute others would fail alike, or could make a second copy.</summary>
    public bool IsNoFailureOfTheCandidate(ActionRun substitute) =>
        substitute.MayHaveTakenEffect || FaultRules.IsOfJournal(substitute.Error!) || !lineage.Concerns(substitute.Error!);

    private void Exhaust(List<WaitingElement> waiting)
    {
        trace.Add(LineageStepKind.Exhaustion, null, $"{waiting.Count} not replaced");
        foreach (var failed in waiting)
        {
            var name = NameOf(failed.Run.Request);
            failed.GiveUpExhausted(name);
            terminal.Record(
                KumoiEventKind.Exhaustion, failed.Run.Request.Target, $"Nothing was left to take the place of {name}.",
                ("cause", failed.Run.Error!.Message));
        }
    }

    /// <summary>What has failed: the element, or all hosts that the request was for.</summary>
    private string NameOf(ActionRequest request) =>
        request.Origin?.Name ?? string.Join(", ", terminal.Candidates.Select(candidate => candidate.Host));
}
