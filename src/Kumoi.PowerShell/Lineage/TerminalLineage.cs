using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Lineage;
using Kumoi.PowerShell.Pumping;

namespace Kumoi.PowerShell.Lineage;

/// <summary>
/// A terminal's view of its lineage: whether its elements can be replaced, by which candidates, and how a candidate gets to the
/// terminal. Used on the pipeline thread only.
/// </summary>
internal sealed class TerminalLineage : IDisposable
{
    private readonly ActionCmdlet _terminal;
    private readonly PipelineLocation _location;
    private readonly PipelinePlan _plan;
    private readonly PipelineRun _run;
    private readonly bool _ownsRun;
    private readonly bool _writesVariablesByDefault;
    private readonly PipelineReads? _reads;
    private readonly string? _argument;
    private readonly HashSet<int> _arrived = [];
    private LineageSource? _source;
    private bool _mixed;
    private bool _repeated;
    private bool _madeFromElements;
    private IReadOnlyList<int> _chosen = [];
    private bool _chainTold;

    private TerminalLineage(ActionCmdlet terminal, PipelineLocation location)
    {
        _terminal = terminal;
        _location = location;
        var found = PipelineRun.Find(location);
        _ownsRun = found is null;
        _run = found ?? PipelineRun.Open(location);
        _plan = PipelinePlan.Of(location.Pipeline, location.Position, terminal);
        _run.Arguments[location.Position] = BoundArguments.Of(terminal, location.Command);
        // Where nothing was chosen, nothing is chosen again.
        _reads = _plan.LastChoice > 0 || location.Pipeline.PipelineElements[0] is CommandExpressionAst
            ? new PipelineReads(_plan, _run, location.Position, terminal.SessionState)
            : null;
        if (_reads is not null && _plan.LastChoice > 0)
        {
            var elements = location.Pipeline.PipelineElements;
            _argument = new ArgumentEffects(new Purity(terminal.InvokeCommand, terminal.SessionState), terminal, _reads.Above.Variables)
                .Find([.. elements.Take(1), .. elements.Skip(_plan.LastChoice + 1)]);
        }

        _writesVariablesByDefault = terminal.SessionState.PSVariable.GetValue("PSDefaultParameterValues") is IDictionary defaults
            && defaults.Keys.OfType<string>().Any(key => key.EndsWith("Variable", StringComparison.OrdinalIgnoreCase) || key.EndsWith("v", StringComparison.OrdinalIgnoreCase));
    }

    public LineageTrace Trace => _run.Trace;

    public PipelineRun OwnRun => _run;

    /// <summary>Output must wait until all is settled: substitutes may come before the picks.</summary>
    public bool SettlesBeforeOutput =>
        (_plan.Steps.Any(step => step.Kind is StepKind.Extraction && step.FromEnd) || _source is HeldSelection { SettlesBeforeOutput: true })
        && Obstacle(inputEnded: false) is null;

    private ElementLedger Ledger => _run.Of(_source!);

    /// <summary>To be called in BeginProcessing; null where the terminal stands in no pipeline that can be recognised.</summary>
    public static TerminalLineage? Of(ActionCmdlet terminal) =>
        PipelineLocation.Of(terminal) is { Position: > 0 } location ? new TerminalLineage(terminal, location) : null;

    /// <summary>Notes that an element has come.</summary>
    public void Arrived(LineageOrigin? origin)
    {
        if (origin is null || (_source is not null && !ReferenceEquals(_source, origin.Source)))
        {
            _mixed = true;
            return;
        }

        _source = origin.Source;
        _repeated |= !_arrived.Add(origin.Index);
        _madeFromElements |= !origin.IsElement;
        Ledger.Used.Add(origin.Index);
    }

    /// <summary>Why no element of this terminal is replaced; null if they can be. Known for certain only when all input has come.</summary>
    public string? Obstacle(bool inputEnded)
    {
        if (_terminal.OwnObstacle is { } own)
        {
            return own;
        }

        if (_source is null || _mixed)
        {
            return "the objects do not come from one Kumoi source";
        }

        if (_repeated)
        {
            return "an element came more than once";
        }

        if (_run.Arguments.Values.Select(arguments => arguments.Obstacle).FirstOrDefault(found => found is not null) is { } unbound)
        {
            return unbound;
        }

        // A cmdlet that is called by a proxy, or as a value, was not recognised when it began.
        if (_plan.Steps.Where((step, index) => step.Kind is StepKind.Action && !_run.Arguments.ContainsKey(index + 1)).FirstOrDefault() is { } unrecognised)
        {
            return $"what '{unrecognised.Text}' was given is not known";
        }

        if (_writesVariablesByDefault)
        {
            return "$PSDefaultParameterValues writes variables of its own";
        }

        if (_run.Outcomes.Left is [{ } open, ..])
        {
            return $"another step of the pipeline may have done something: {open}";
        }

        if (_argument is not null && _source is RecordedSource)
        {
            return $"'{_argument}' is evaluated after the arguments above the choice, and may change what they read";
        }

        return ObstacleOfSource(inputEnded) ?? _reads?.Obstacle(isChosenAgain: _source is RecordedSource);
    }

    private string? ObstacleOfSource(bool inputEnded)
    {
        switch (_source)
        {
            case RecordedSource { IsIncomplete: true }:
                return "the pipeline was satisfied before all input had reached the source, so what would have followed is not known";
            case RecordedSource recorded when ReferenceEquals(recorded.Run, _run) && _run.IsAlive:
                return _plan.ObstacleAfterSource(recorded.Position, _location.Position, recorded.PipelineVariable is not null)
                    ?? EarlierVariable(recorded.Position);
            case RecordedSource:
                return "the objects were read in another statement; Select-KumoiHost keeps a reserve across statements";
            case HeldSelection { Obstacle: { } obstacle }:
                return obstacle;
            case HeldSelection held when ReferenceEquals(held.Run, _run):
                return _plan.ObstacleBelow(held.Position, _location.Position) ?? EarlierVariable(held.Position + 1);
            case HeldSelection held:
                if (_location.Pipeline.PipelineElements[0] is not CommandExpressionAst)
                {
                    return "the picks of another statement came through a command";
                }

                if (_madeFromElements)
                {
                    return "the objects were made from what was picked, in another statement";
                }

                if (held.Run is { IsAlive: true })
                {
                    return "the pipeline that picked them is still under way, and replaces them itself";
                }

                return _plan.ObstacleBelow(0, _location.Position)
                    ?? (inputEnded && !_arrived.IsSupersetOf(held.Choose(new HashSet<int>())) ? "not all that were picked came here" : null);
            default:
                return "the source is not known";
        }
    }

    /// <summary>By its fault domain, the failure is one after which elements of this lineage are replaced.</summary>
    public bool Concerns(Exception failure) =>
        _source?.Elements.FirstOrDefault() is { } element && FaultRules.IsOf(FaultRules.Of(element.GetType()), failure);

    public string NameOf(int index) => _source!.NameOf(index);

    /// <summary>An element failed, or a candidate was turned down: it is out of the lineage from now on.</summary>
    public void Fail(int index) => Ledger.Failed.Add(index);

    /// <summary>
    /// Runs the chain again over what this terminal was given, less what failed before it: it must choose what has come. That proves that
    /// the replay means what the pipeline meant. Null if it does; otherwise why nothing is replaced. To be called before the terminal's own
    /// failures are counted.
    /// </summary>
    public string? Verify()
    {
        if (_source is RecordedSource recorded && recorded.TakeRest() is { } readRest)
        {
            _terminal.WaitFor(readRest);
        }

        if ((RunTime.Obstacle(_terminal, _source!.Elements, _reads?.Above.Words ?? []) ?? Changed()) is { } obstacle)
        {
            return obstacle;
        }

        IReadOnlyList<int> chosen;
        string? lost;
        try
        {
            chosen = Choose();
            lost = Lost([.. chosen.Where(index => !_arrived.Contains(index) && !Ledger.LeftOut.Contains(index))], chosen);
            TellChain(Counts(chosen.Count));
        }
        catch (Exception e) when (e is RuntimeException and not PipelineStoppedException or PSInvalidOperationException || ScriptBlockRunner.IsFlowControl(e))
        {
            return $"the steps cannot be run again: {e.Message}";
        }

        if (!_arrived.IsSubsetOf(chosen))
        {
            return "running the same steps again chooses other elements than came";
        }

        if (lost is not null)
        {
            return lost;
        }

        // Chosen, but dropped on the way here: the author's own steps turned them down.
        Ledger.Used.UnionWith(chosen);
        return null;
    }

    /// <summary>What the steps read is no longer what it was when the pipeline began; null: it is.</summary>
    public string? Changed() => _reads?.Changed(_source is RecordedSource, (_source as RecordedSource)?.PipelineVariable) ?? (_source as HeldSelection)?.Changed;

    /// <summary>An element failed and nothing takes its place, or it was declined: that it does not come to later cmdlets is no riddle.</summary>
    public void LeaveOut(int index) => Ledger.LeftOut.Add(index);

    /// <summary>
    /// What was chosen and has not come must have been turned down by steps that turn it down again: otherwise nobody knows what a substitute
    /// would have to be. Null: it was.
    /// </summary>
    private string? Lost(IReadOnlyList<int> missing, IReadOnlyList<int> chosen)
    {
        if (missing.Count == 0)
        {
            return null;
        }

        var below = StepsOfCandidate().Where(entry => entry.Position > ChoicePosition).ToList();
        if (below.Find(entry => entry.Step.Kind is StepKind.Action || entry.Step.Effect is not null) is { Step: { } step })
        {
            return $"{NameOf(missing[0])} was chosen and did not come through '{step.Text}', which is not run again";
        }

        if (below.Count == 0)
        {
            return $"{NameOf(missing[0])} was chosen and did not come";
        }

        var feed = chosen.Select(index => _source!.Elements[index]).ToList();
        var passed = Indices(Run(feed, below.Select(entry => entry.Step.Replay)));
        return _arrived.SetEquals(passed.Where(index => !Ledger.LeftOut.Contains(index)))
            ? null
            : $"{NameOf(missing[0])} was chosen and did not come, although the same steps let it pass";
    }

    private int ChoicePosition => _source switch
    {
        RecordedSource recorded => _plan.LastExtraction(recorded.Position),
        HeldSelection held when ReferenceEquals(held.Run, _run) => held.Position,
        _ => 0,
    };

    /// <summary>
    /// The elements that the same pipeline would choose now, less those that were used: the candidates, in the order in which they are
    /// to be taken. Empty: the reserve is exhausted.
    /// </summary>
    public IReadOnlyList<int> Candidates() => [.. (_chosen = Choose()).Where(index => !Ledger.Used.Contains(index))];

    /// <summary>
    /// Reads the candidates again and takes each through the filters above and the steps below to the terminal's binding. A candidate
    /// that is unreadable, no longer matches or is turned down on the way gives no request, and why.
    /// </summary>
    public IEnumerable<BoundCandidate> Bind(IReadOnlyList<int> candidates)
    {
        var steps = StepsOfCandidate().ToList();
        var readings = candidates.Select(index => _terminal.StartRead(_source!, index)).ToList();
        for (var i = 0; i < candidates.Count; i++)
        {
            Ledger.Used.Add(candidates[i]);
            var (fresh, unreadable) = _terminal.EndRead(readings[i]);
            if ((fresh is null ? unreadable ?? "it no longer matches" : Changed()) is { } unfit)
            {
                yield return new BoundCandidate(candidates[i], null, unfit);
                continue;
            }

            using var replay = new ReplaySession(_terminal, _run, _location.Position, [fresh!]) { PipelineVariable = (_source as RecordedSource)?.PipelineVariable };
            string? reason = null;
            var outcomes = new OpenOutcomes(_run.Outcomes.Depth > (OpenOutcomes.Current?.Depth ?? -1) ? _run.Outcomes : OpenOutcomes.Current);
            var watch = outcomes.Enter();
            var restore = Remember();
            try
            {
                replay.Invoke(steps.Select(step => Text(step, replay)).Append(TerminalText(_location.Position, replay)));
            }
            catch (PipelineStoppedException)
            {
                throw;
            }
            catch (Exception e) when (e is RuntimeException || ScriptBlockRunner.IsFlowControl(e))
            {
                // A terminating error, or break and the like: the candidate is not to be used.
                reason = e.Message;
            }
            finally
            {
                restore();
                watch.Dispose();
            }

            var open = outcomes.Left is [{ } first, ..] ? new HypervisorException($"{first}.", outcomeUnknown: true, recommendedAction: "See what is there with Get-KumoiVM before you do it again.") : null;
            reason ??= replay.Failure?.Message ?? open?.Message ?? Unfit(replay.Requests, candidates[i]);
            if (reason is null)
            {
                yield return new BoundCandidate(candidates[i], replay.Requests[0], null);
                continue;
            }

            // What cmdlets before the terminal did to a candidate that is not used after all.
            Exception? debris = null;
            foreach (var step in replay.Done)
            {
                if (!_terminal.TryUndo(step, _source!.Elements[candidates[i]]))
                {
                    debris = new HypervisorException(
                        $"What was done on {NameOf(candidates[i])} could not be undone, so nothing else is tried.", outcomeUnknown: true,
                        recommendedAction: "See what is left with Get-KumoiVM, and remove it before you do it again.");
                }
            }

            var settles = replay.Failure is { } failure
                && (FaultRules.IsNotUndone(failure) || (open is not null && FaultRules.OperationMayHaveTakenEffect(failure))) ? failure : open ?? debris;
            yield return new BoundCandidate(candidates[i], null, reason, settles);
        }
    }

    private string? Unfit(IReadOnlyList<ActionRequest> requests, int candidate) => requests switch
    {
        [] => "it no longer matches",
        [{ Origin: { } origin }] when ReferenceEquals(origin.Source, _source) && origin.Index == candidate => null,
        _ => "the steps below the choice made something else of it",
    };

    /// <summary>The elements in the order of the whole chain, as the last candidates were chosen from it.</summary>
    public IReadOnlyList<int> FinalOrder => _chosen;

    /// <summary>Tells in the trace where the elements came from and how many were worked on, when nothing had to be replayed.</summary>
    public void TellAction(int count)
    {
        if (_source is not null)
        {
            TellChain(_plan.Steps.Where(step => step.Kind is not StepKind.Action).Select(step => (step.Text, KindOf(step), default(int?), default(int?))));
        }

        _run.Trace.Add(new LineageStep { Kind = LineageStepKind.Action, Operator = _location.Command.Extent.Text, CountIn = count });
    }

    public void Dispose()
    {
        if (_ownsRun)
        {
            _run.Dispose();
        }
    }

    private IEnumerable<(PipelineStep Step, int Position)> StepsOfCandidate()
    {
        var first = _source switch
        {
            RecordedSource recorded => recorded.Position,
            HeldSelection held when ReferenceEquals(held.Run, _run) => held.Position,
            _ => 0,
        };
        var extraction = ChoicePosition;
        for (var position = first + 1; position < _location.Position; position++)
        {
            var step = _plan.Steps[position - 1];
            if (position > extraction || step.Kind is StepKind.Filter)
            {
                yield return (step, position);
            }
        }
    }

    private string Text((PipelineStep Step, int Position) entry, ReplaySession replay) =>
        entry.Step.Kind is StepKind.Action ? TerminalText(entry.Position, replay) : entry.Step.Replay;

    private string TerminalText(int position, ReplaySession replay)
    {
        var cmdlet = _run.Arguments[position].Cmdlet;
        var arguments = _run.Arguments[position].Names.Select(
            argument => $"-{argument}:([Kumoi.PowerShell.Lineage.Replay]::Argument('{replay.Token}', {position}, '{argument}'))");
        return $"{cmdlet.ModuleName}\\{cmdlet.Name} -ReplayToken '{replay.Token}:{position}' {string.Join(' ', arguments)}";
    }

    /// <summary>What the chain chooses from the enumeration less what has failed, by the readings that were kept.</summary>
    private IReadOnlyList<int> Choose() => _source switch
    {
        HeldSelection held => held.Choose(Ledger.Failed),
        RecordedSource recorded => Indices(Run(Left(), Above(recorded).Select(step => step.Replay))),
        _ => [],
    };

    private IReadOnlyList<PipelineStep> Above(RecordedSource source) =>
        [.. _plan.Between(source.Position, _plan.LastExtraction(source.Position) + 1)];

    private IReadOnlyList<object> Left() => [.. _source!.Elements.Where((_, index) => !Ledger.Failed.Contains(index))];

    /// <summary>
    /// The chain step by step, with what goes into each step and what comes out. A step whose count is known anyway is run only where a
    /// later count depends on it: over thousands of elements each run is felt.
    /// </summary>
    private List<(string Text, LineageStepKind Kind, int? Before, int? After)> Counts(int chosen)
    {
        if (_source is not RecordedSource recorded)
        {
            return [(((HeldSelection)_source!).Title, LineageStepKind.Extraction, _source.Elements.Count, chosen)];
        }

        var steps = Above(recorded);
        var counts = new List<(string, LineageStepKind, int?, int?)>();
        var current = Left();
        var before = current.Count;
        List<string> notRun = [];
        foreach (var step in steps)
        {
            notRun.Add(step.Replay);
            var after = ReferenceEquals(step, steps[^1]) ? chosen : before;
            if (!ReferenceEquals(step, steps[^1]) && !step.KeepsCount)
            {
                current = Run(current, notRun);
                notRun.Clear();
                after = current.Count;
            }

            counts.Add((step.Text, KindOf(step), before, after));
            before = after;
        }

        return counts;
    }

    private static LineageStepKind KindOf(PipelineStep step) =>
        step.Kind is StepKind.Extraction ? LineageStepKind.Extraction : LineageStepKind.Operator;

    private List<object> Run(IReadOnlyList<object> feed, IEnumerable<string> steps)
    {
        using var replay = new ReplaySession(_terminal, _run, _location.Position, feed) { PipelineVariable = (_source as RecordedSource)?.PipelineVariable };
        var restore = Remember();
        try
        {
            // What the steps had to say, they said the first time.
            return [.. replay.Invoke(steps, isQuiet: true)];
        }
        finally
        {
            restore();
        }
    }

    /// <summary>How to give the author's variables, which the steps above the choice write, their values back.</summary>
    private Action Remember()
    {
        if (_source is not RecordedSource recorded)
        {
            return static () => { };
        }

        var variables = _terminal.SessionState.PSVariable;
        var written = _plan.WrittenAbove(recorded.Position)
            .Except(_location.Pipeline.PipelineElements.Skip(_plan.LastExtraction(recorded.Position) + 1).SelectMany(VariableUse.Written), StringComparer.OrdinalIgnoreCase)
            .Select(name => (Name: name, Value: variables.GetValue(name))).ToList();
        return () => written.ForEach(variable => variables.Set(variable.Name, variable.Value));
    }

    private string? EarlierVariable(int position) =>
        _location.Pipeline.PipelineElements.Take(position).OfType<CommandAst>()
            .Any(command => command.CommandElements.OfType<CommandParameterAst>().Any(IsPipelineVariable) || command.CommandElements.Any(IsSplat))
            ? "-PipelineVariable of an earlier command is not known for a substitute"
            : null;

    private static bool IsSplat(CommandElementAst element) => element is VariableExpressionAst { Splatted: true };

    private static bool IsPipelineVariable(CommandParameterAst parameter) =>
        parameter.ParameterName.Equals("pv", StringComparison.OrdinalIgnoreCase)
        || (parameter.ParameterName.Length >= 2 && "PipelineVariable".StartsWith(parameter.ParameterName, StringComparison.OrdinalIgnoreCase));

    private List<int> Indices(IEnumerable<object> elements) =>
        [.. elements.Select(LineageSource.OriginOf).Where(origin => origin is not null && ReferenceEquals(origin.Source, _source)).Select(origin => origin!.Index)];

    private void TellChain(IEnumerable<(string Text, LineageStepKind Kind, int? Before, int? After)> steps)
    {
        if (_chainTold)
        {
            return;
        }

        _chainTold = true;
        _run.Trace.Add(new LineageStep
        {
            Kind = LineageStepKind.Source,
            Operator = _location.Pipeline.PipelineElements[0].Extent.Text,
            CountOut = _source!.Elements.Count,
        });
        foreach (var (text, kind, before, after) in steps)
        {
            _run.Trace.Add(new LineageStep { Kind = kind, Operator = text, CountIn = before, CountOut = after });
        }

        if (_source is RecordedSource recorded)
        {
            foreach (var (name, reason) in recorded.Unreadable)
            {
                _run.Trace.Add(new LineageStep
                {
                    Kind = LineageStepKind.Rejection,
                    Operator = _location.Pipeline.PipelineElements[0].Extent.Text,
                    Element = name,
                    Detail = reason,
                });
            }

            recorded.Unreadable.Clear();
        }
    }
}
