using Kumoi.Lineage;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Lineage;

namespace Kumoi.PowerShell.Substitution;

/// <summary>
/// Replaces the failed elements of a terminal when all its input has come: in rounds, in each of which as many candidates are taken as
/// there are failures, until nothing failed or nothing is left.
/// </summary>
internal sealed class SubstitutionRounds
{
    private readonly ISubstitutionTerminal _terminal;
    private readonly TerminalLineage _lineage;
    private readonly ActionTrace _trace;
    private readonly ChainTrace _chain;
    private readonly Compensation _compensation;
    private readonly PipelineReplay _replay;
    private readonly SubstitutionReserve _reserve;

    public SubstitutionRounds(ISubstitutionTerminal terminal, TerminalLineage lineage)
    {
        _terminal = terminal;
        _lineage = lineage;
        _trace = new ActionTrace(lineage.Trace, terminal.Cmdlet.MyInvocation.MyCommand.Name);
        _chain = new ChainTrace(lineage);
        _compensation = new Compensation(terminal, _trace);
        _replay = new PipelineReplay(terminal, lineage, _compensation);
        _reserve = new SubstitutionReserve(terminal, lineage, _trace, _replay);
    }

    /// <summary>Output must wait until all is settled: substitutes may come before the picks.</summary>
    public bool SettlesBeforeOutput => _lineage.Reorders && SubstitutionRules.WhyNot(Pipeline(inputEnded: false)) is null;

    /// <summary>Another element may take the place of this one. Known for certain only when all input has come.</summary>
    public bool CanBeReplaced(ActionRun run, bool inputEnded) => WhyNot(run, inputEnded) is null;

    /// <summary>Replaces what failed and can be replaced. What is left has a verdict.</summary>
    public void Replace()
    {
        var failures = _terminal.Runs.Where(run => run.Error is not null).ToList();
        var waiting = failures.Where(run => !run.IsWritten && CanBeReplaced(run, inputEnded: true))
            .Select(run => new WaitingElement(run)).ToList();
        var refutation = waiting.Count > 0 ? new ReplayProof(_terminal, _lineage, _replay, _chain).Refutation() : null;
        _chain.AddAction(_terminal.Runs.Count);
        foreach (var run in failures)
        {
            _trace.AddFailure(run);
            if ((run.IsWritten || !waiting.Exists(failed => ReferenceEquals(failed.Run, run))) && WhyNot(run, inputEnded: true) is { } why)
            {
                _terminal.WriteVerbose($"No substitution for {run.Request.Target}: {why}.");
                _trace.Add(LineageStepKind.Note, null, $"no substitution: {why}");
            }
        }

        if (refutation is not null)
        {
            _reserve.Refuse(refutation);
        }
        else if (waiting.Exists(failed => failed.Run.Request is ActionRequest.ForSeveralHosts))
        {
            new SeveralHostsRounds(_reserve, _terminal, _lineage, _trace, _compensation).Replace(waiting);
        }
        else
        {
            waiting.ForEach(failed => _lineage.Fail(failed.Run.Request.Origin!.Index));
            ReplaceInRounds(waiting);
        }
    }

    /// <summary>A later command has ended the pipeline while failures waited to be replaced: the trace has them at least.</summary>
    public void AddWhatWasCutShort()
    {
        foreach (var run in _terminal.Runs.Where(run => run is { IsWritten: false, Error: not null and not OperationCanceledException }))
        {
            _trace.AddFailure(run);
            _trace.Add(LineageStepKind.Note, null, "not replaced: the pipeline was ended by a later command");
        }
    }

    /// <summary>Without a substitute the elements are in order as they came.</summary>
    public IEnumerable<ActionRun> InLineageOrder(IEnumerable<ActionRun> runs)
    {
        if (!SettlesBeforeOutput || !_terminal.Runs.Any(run => run.IsSubstitute))
        {
            return [.. runs];
        }

        var place = _replay.FinalOrder.Select((index, at) => (index, at)).ToDictionary(entry => entry.index, entry => entry.at);
        return [.. runs.OrderBy(run => place.GetValueOrDefault(run.Request.Origin?.Index ?? -1, int.MaxValue))];
    }

    private void ReplaceInRounds(List<WaitingElement> waiting)
    {
        while (waiting.Count > 0)
        {
            if (_reserve.Next(waiting) is not { } candidates)
            {
                return;
            }

            if (UndoFailed(waiting, candidates.Count))
            {
                PlayRound(waiting, [.. candidates.Take(waiting.Count)]);
            }
        }
    }

    /// <summary>
    /// Undoes what earlier cmdlets did to as many of the failed as there are candidates. What cannot be undone is given up: a substitute
    /// could be a second copy. False: one was, so that there is to be counted anew.
    /// </summary>
    private bool UndoFailed(List<WaitingElement> waiting, int candidates)
    {
        var count = waiting.Count;
        foreach (var failed in waiting.Take(candidates).Where(failed => !failed.IsUndone).ToList())
        {
            failed.IsUndone = true;
            if (!_compensation.TryUndoEarlierSteps(failed.Run.Request))
            {
                failed.GiveUpForDebris(failed.Run.Request.Target);
                waiting.Remove(failed);
            }
        }

        return waiting.Count == count;
    }

    /// <summary>One round: takes as many candidates as there are failures, and works on them. What is replaced leaves the list.</summary>
    private void PlayRound(List<WaitingElement> waiting, IReadOnlyList<int> candidates)
    {
        var firstNew = _terminal.Runs.Count;
        foreach (var (index, request) in _reserve.Bind(waiting, candidates, settles => Take(waiting).GiveUp(settles)))
        {
            _trace.Add(LineageStepKind.Substitution, _lineage.NameOf(index), null);
            if (!_terminal.BeginSubstitute(request))
            {
                _reserve.TurnDown(waiting, index, "it was declined");
                if (!_compensation.TryUndoEarlierSteps(request))
                {
                    Take(waiting).GiveUpForDebris(request.Target);
                    break;
                }
            }
        }

        _terminal.Settle();
        foreach (var run in _terminal.Runs.Skip(firstNew).ToList())
        {
            if (waiting.Count == 0)
            {
                // Its element was given up meanwhile. What was made in its place stays, and comes out; a failure concerns nobody.
                run.IsWritten |= run.Error is not null;
            }
            else if (run.Error is null)
            {
                _reserve.Replaced(Take(waiting), run.Request.Origin!.Name);
            }
            else
            {
                SubstituteFailed(waiting, run, run.Error);
            }
        }
    }

    private void SubstituteFailed(List<WaitingElement> waiting, ActionRun run, Exception error)
    {
        run.IsWritten = true;
        _trace.AddFailure(run);
        _lineage.Fail(run.Request.Origin!.Index);
        var isUndone = _compensation.TryUndoEarlierSteps(run.Request);
        waiting.ForEach(failed => failed.Attempts.Add($"{run.Request.Origin.Name}: {error.Message}"));
        if (_reserve.IsNoFailureOfTheCandidate(run))
        {
            Take(waiting).GiveUp(run);
        }
        else if (!isUndone || FaultRules.IsNotUndone(error))
        {
            Take(waiting).GiveUpForDebris(run.Request.Target);
        }
    }

    /// <summary>The first that waits, waits no longer.</summary>
    private static WaitingElement Take(List<WaitingElement> waiting)
    {
        var first = waiting[0];
        waiting.RemoveAt(0);
        return first;
    }

    private string? WhyNot(ActionRun run, bool inputEnded) =>
        run.Error is { } error ? SubstitutionRules.WhyNot(new FailureCase(Pipeline(inputEnded), run, error)) : null;

    private PipelineCase Pipeline(bool inputEnded) => new(_terminal, _lineage, inputEnded);
}
