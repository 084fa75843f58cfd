using System.Management.Automation;
using Kumoi.Fleets.Journaling;
using Kumoi.Hypervisors;
using Kumoi.Lineage;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Lineage;

namespace Kumoi.PowerShell.Substitution;

/// <summary>Runs steps of the pipeline again: to choose anew, and to take candidates to the terminal.</summary>
internal sealed class PipelineReplay(ISubstitutionTerminal terminal, TerminalLineage lineage, Compensation compensation)
{
    private const string SeeWhatIsThere = "Check what is there with Get-KumoiVM before you do it again.";
    private const string SeeWhatIsLeft = "See what is left with Get-KumoiVM, and remove it before you do it again.";

    private IReadOnlyList<int> _chosen = [];
    private int _filters;
    private IReadOnlyList<object>? _passed;
    private KnownSort? _sort;

    /// <summary>The elements in the order of the whole chain, as the last candidates were chosen from it.</summary>
    public IReadOnlyList<int> FinalOrder => _chosen;

    /// <summary>
    /// The elements that the same pipeline would choose now, less those that were used: the candidates, in the order in which they are
    /// to be taken. Empty: the reserve is exhausted.
    /// </summary>
    public IReadOnlyList<int> Candidates() => [.. (_chosen = Choose()).Where(index => !lineage.Ledger.Used.Contains(index))];

    /// <summary>What the chain chooses from the enumeration less what has failed, by the readings that were kept.</summary>
    public IReadOnlyList<int> Choose() => lineage.Source switch
    {
        HeldSelection held => held.Choose(lineage.Ledger.Failed),
        RecordedSource recorded => lineage.Indices(RunChain(lineage.StepsAbove(recorded))),
        _ => [],
    };

    /// <summary>What comes out behind so many steps of the chain, as it was last run; null: nobody looked there.</summary>
    public IReadOnlyList<object>? PassedBehind(int steps) => steps == _filters ? _passed : null;

    /// <summary>
    /// Runs the chain. What the filters say of an element that is not read again stays the same, and so do its keys in a sort: they are asked
    /// once, because over thousands of elements each run is felt.
    /// </summary>
    private List<object> RunChain(IReadOnlyList<PipelineStep> steps)
    {
        _filters = FiltersApart(steps);
        var passed = _filters == 0 ? lineage.Left() : Filter(steps);
        List<PipelineStep> below = [.. steps.Skip(_filters)];
        if (below is not [{ } sort, _, ..] || !KnownSort.CanBeLearned(sort) || lineage.PipelineVariable is not null)
        {
            return Run(passed, below.Select(step => step.Replay));
        }

        return Run(_sort?.Without(lineage.Ledger.Failed) ?? Sort(sort, passed), below.Skip(1).Select(step => step.Replay));
    }

    private List<object> Sort(PipelineStep sort, IReadOnlyList<object> elements)
    {
        var sorted = Run(elements, [sort.Replay]);
        _sort = KnownSort.Learn(sort, elements, sorted);
        return sorted;
    }

    private IReadOnlyList<object> Filter(IReadOnlyList<PipelineStep> steps) => _passed = _passed is null
        ? Filter([.. steps.Take(_filters)], lineage.Left())
        : [.. _passed.Where(element => !lineage.Ledger.Failed.Contains(LineageSource.OriginOf(element)!.Index))];

    private IReadOnlyList<object> Filter(IReadOnlyList<PipelineStep> filters, IReadOnlyList<object> elements)
    {
        IReadOnlyList<object>? passed = elements;
        foreach (var filter in filters)
        {
            passed = passed is null ? null : KnownFilter.Passed(filter, passed);
        }

        return passed ?? Run(elements, filters.Select(step => step.Replay));
    }

    /// <summary>
    /// How many filters the chain begins with that can be run by themselves; 0: none. A sort must stand behind them, which takes in all
    /// that they let pass: any other choice may end them early. And nothing behind them may read what they write.
    /// </summary>
    private static int FiltersApart(IReadOnlyList<PipelineStep> steps)
    {
        var filters = steps.TakeWhile(step => step.Kind is StepKind.Filter).Count();
        var written = steps.Take(filters).SelectMany(step => VariableUse.Written(step.Command!)).Append("Matches");
        return filters < steps.Count
            && steps[filters].Kind is StepKind.Order
            && !steps.Skip(filters).SelectMany(step => VariableUse.Read(step.Command!)).Intersect(written, StringComparer.OrdinalIgnoreCase)
                .Any()
                ? filters
                : 0;
    }

    /// <summary>Runs steps on elements, and returns what comes out.</summary>
    public List<object> Run(IReadOnlyList<object> feed, IEnumerable<string> steps)
    {
        using var session = Open(feed);
        var restore = Remember();
        try
        {
            // What the steps had to say, they said the first time.
            return [.. session.Invoke(steps, isQuiet: true)];
        }
        finally
        {
            restore();
        }
    }

    /// <summary>
    /// Reads the candidates again and takes each through the filters above and the steps below to the terminal's binding. A candidate
    /// that is unreadable, no longer matches or is turned down on the way gives no request, and why.
    /// </summary>
    public IEnumerable<BoundCandidate> Bind(IReadOnlyList<int> candidates)
    {
        var readings = candidates.Select(index => lineage.Source!.ReadAgainAsync(index, terminal.StopToken)).ToList();
        foreach (var (candidate, reading) in candidates.Zip(readings))
        {
            lineage.Ledger.Used.Add(candidate);
            var (fresh, unreadable) = EndRead(reading);
            yield return (fresh is null ? unreadable ?? "it no longer matches" : lineage.Changed()) is { } unfit
                ? new BoundCandidate(candidate, null, unfit)
                : Bind(candidate, fresh!);
        }
    }

    private BoundCandidate Bind(int candidate, object fresh)
    {
        using var session = Open([fresh]);
        var own = lineage.Run.Outcomes;
        var outcomes = new OpenOutcomes(own.Depth > (OpenOutcomes.Current?.Depth ?? -1) ? own : OpenOutcomes.Current);
        var reason = TakeToTerminal(session, outcomes);
        var open = outcomes.Left is [{ } first, ..]
            ? new HypervisorException($"{first}.", outcomeUnknown: true, recommendedAction: SeeWhatIsThere)
            : null;
        reason ??= session.Failure?.Message ?? open?.Message ?? Unfit(session.Requests, candidate);
        if (reason is null)
        {
            return new BoundCandidate(candidate, session.Requests[0], null);
        }

        // What cmdlets before the terminal did to a candidate that is not used after all.
        Exception? debris = null;
        foreach (var step in session.Done)
        {
            if (!compensation.TryUndo(step, lineage.Source!.Elements[candidate]))
            {
                debris = new HypervisorException(
                    $"What was done on {lineage.NameOf(candidate)} could not be undone, so nothing else is tried.", outcomeUnknown: true,
                    recommendedAction: SeeWhatIsLeft);
            }
        }

        var isSettledByFailure = session.Failure is { } failure
            && (FaultRules.IsNotUndone(failure) || (open is not null && FaultRules.OperationMayHaveTakenEffect(failure)));
        return new BoundCandidate(candidate, null, reason, isSettledByFailure ? session.Failure : open ?? debris);
    }

    /// <summary>
    /// Runs the steps, and the terminal's copy, which only binds. Why the candidate is not to be used; null: nothing was thrown.
    /// </summary>
    private string? TakeToTerminal(ReplaySession session, OpenOutcomes outcomes)
    {
        var restore = Remember();
        using var watch = outcomes.Enter();
        try
        {
            session.Invoke(
                lineage.StepsOfCandidate().Select(step => Text(step, session)).Append(ActionText(lineage.Location.Position, session)));
            return null;
        }
        catch (PipelineStoppedException)
        {
            throw;
        }
        catch (Exception e) when (e is RuntimeException || ScriptBlockCall.IsFlowControl(e))
        {
            // A terminating error, or break and the like.
            return e.Message;
        }
        finally
        {
            restore();
        }
    }

    private (object? Fresh, string? Reason) EndRead(Task<object?> reading)
    {
        try
        {
            return (terminal.Wait(reading), null);
        }
        catch (HypervisorException e)
        {
            return (null, e.Message);
        }
    }

    private string? Unfit(IReadOnlyList<ActionRequest> requests, int candidate) => requests switch
    {
        [] => "it no longer matches",
        [{ Origin: { } origin }] when ReferenceEquals(origin.Source, lineage.Source) && origin.Index == candidate => null,
        _ => "the steps below the choice made something else of it",
    };

    private ReplaySession Open(IReadOnlyList<object> feed) =>
        new(terminal.Cmdlet, lineage.Run, lineage.Location.Position, feed) { PipelineVariable = lineage.PipelineVariable };

    private string Text((PipelineStep Step, int Position) entry, ReplaySession session) =>
        entry.Step.Kind is StepKind.Action ? ActionText(entry.Position, session) : entry.Step.Replay;

    /// <summary>A cmdlet of Kumoi's with what it was given when it was first run.</summary>
    private string ActionText(int position, ReplaySession session)
    {
        var given = lineage.Run.Arguments[position];
        var arguments = given.Names.Select(
            argument => $"-{argument}:([Kumoi.PowerShell.Substitution.Replay]::Argument('{session.Token}', {position}, '{argument}'))");
        return $"{given.Cmdlet.ModuleName}\\{given.Cmdlet.Name} -ReplayToken '{session.Token}:{position}' {string.Join(' ', arguments)}";
    }

    /// <summary>How to give the author's variables, which the steps above the choice write, their values back.</summary>
    private Action Remember()
    {
        if (lineage.Source is not RecordedSource recorded)
        {
            return static () => { };
        }

        var variables = terminal.Cmdlet.SessionState.PSVariable;
        var below = lineage.Location.Pipeline.PipelineElements.Skip(lineage.Plan.LastExtraction(recorded.Position) + 1);
        var written = lineage.Plan.WrittenAbove(recorded.Position)
            .Except(below.SelectMany(VariableUse.Written), StringComparer.OrdinalIgnoreCase)
            .Select(name => (Name: name, Value: variables.GetValue(name))).ToList();
        return () => written.ForEach(variable => variables.Set(variable.Name, variable.Value));
    }
}
