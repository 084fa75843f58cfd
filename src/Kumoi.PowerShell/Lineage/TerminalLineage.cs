using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using Kumoi.Lineage;

namespace Kumoi.PowerShell.Lineage;

/// <summary>
/// What a terminal knows of its lineage: the pipeline that it stands in, where its elements come from, and which of them have come. Used on
/// the pipeline thread only.
/// </summary>
internal sealed class TerminalLineage : IDisposable
{
    private readonly bool _ownsRun;
    private readonly HashSet<int> _arrived = [];

    private TerminalLineage(PSCmdlet terminal, PipelineLocation location)
    {
        Location = location;
        var found = PipelineRun.Find(location);
        _ownsRun = found is null;
        Run = found ?? PipelineRun.Open(location);
        Plan = PipelinePlan.Of(location.Pipeline, location.Position, terminal);
        Run.Arguments[location.Position] = BoundArguments.Of(terminal, location.Command);
        // Where nothing was chosen, nothing is chosen again.
        Reads = Plan.LastChoice > 0 || location.Pipeline.PipelineElements[0] is CommandExpressionAst
            ? new PipelineReads(Plan, Run, location.Position, terminal.SessionState)
            : null;
        if (Reads is not null && Plan.LastChoice > 0)
        {
            var elements = location.Pipeline.PipelineElements;
            ArgumentEffect = new ArgumentEffects(new Purity(terminal.InvokeCommand, terminal.SessionState), terminal, Reads.Above.Variables)
                .Find([.. elements.Take(1), .. elements.Skip(Plan.LastChoice + 1)]);
        }

        WritesVariablesByDefault = terminal.SessionState.PSVariable.GetValue("PSDefaultParameterValues") is IDictionary defaults
            && defaults.Keys.OfType<string>().Any(IsOfVariable);
    }

    public PipelineLocation Location { get; }

    public PipelinePlan Plan { get; }

    public PipelineRun Run { get; }

    /// <summary>What the steps read, as it was when the terminal began; null: nothing was chosen.</summary>
    public PipelineReads? Reads { get; }

    /// <summary>The expression in the arguments that may change what an earlier argument was made of; null: there is none.</summary>
    public string? ArgumentEffect { get; }

    public bool WritesVariablesByDefault { get; }

    public LineageTrace Trace => Run.Trace;

    /// <summary>Where the elements come from; null: none has come.</summary>
    public LineageSource? Source { get; private set; }

    /// <summary>Some came from elsewhere.</summary>
    public bool IsMixed { get; private set; }

    /// <summary>Some came more than once.</summary>
    public bool IsRepeated { get; private set; }

    /// <summary>Some were made from the elements, and are not these themselves.</summary>
    public bool IsMadeFromElements { get; private set; }

    /// <summary>The elements that have come.</summary>
    public IReadOnlySet<int> HaveArrived => _arrived;

    public ElementLedger Ledger => Run.Of(Source!);

    /// <summary>Substitutes may come before the picks.</summary>
    public bool Reorders =>
        Plan.Steps.Any(step => step.Kind is StepKind.Extraction && step.FromEnd) || Source is HeldSelection { SettlesBeforeOutput: true };

    /// <summary>The source is a choice that this very pipeline has made and holds.</summary>
    public bool IsHeldHere => Source is HeldSelection held && ReferenceEquals(held.Run, Run);

    /// <summary>The position of the choice whose reserve the substitutes are from; 0: it was made in another statement.</summary>
    public int ChoicePosition => Source switch
    {
        RecordedSource recorded => Plan.LastExtraction(recorded.Position),
        HeldSelection held when IsHeldHere => held.Position,
        _ => 0,
    };

    public string? PipelineVariable => (Source as RecordedSource)?.PipelineVariable;

    /// <summary>To be called in BeginProcessing; null where the terminal stands in no pipeline that can be recognised.</summary>
    public static TerminalLineage? Of(PSCmdlet terminal) =>
        PipelineLocation.Of(terminal) is { Position: > 0 } location ? new TerminalLineage(terminal, location) : null;

    /// <summary>Notes that an element has come.</summary>
    public void Arrived(ElementOrigin? origin)
    {
        if (origin is null || (Source is not null && !ReferenceEquals(Source, origin.Source)))
        {
            IsMixed = true;
            return;
        }

        Source = origin.Source;
        IsRepeated |= !_arrived.Add(origin.Index);
        IsMadeFromElements |= !origin.IsElement;
        Ledger.Used.Add(origin.Index);
    }

    /// <summary>By its fault domain, the failure is one after which elements of this lineage are replaced.</summary>
    public bool Concerns(Exception failure) =>
        Source?.Elements.FirstOrDefault() is { } element && FaultRules.IsOf(FaultRules.Of(element.GetType()), failure);

    public string NameOf(int index) => Source!.NameOf(index);

    /// <summary>An element failed, or a candidate was turned down: it is out of the lineage from now on.</summary>
    public void Fail(int index) => Ledger.Failed.Add(index);

    /// <summary>
    /// An element failed and nothing takes its place, or it was declined: that it does not come to later cmdlets is no riddle.
    /// </summary>
    public void LeaveOut(int index) => Ledger.LeftOut.Add(index);

    /// <summary>What the steps read is no longer what it was when the pipeline began; null: it is.</summary>
    public string? Changed() => Reads?.Changed(Source is RecordedSource, PipelineVariable) ?? (Source as HeldSelection)?.Changed;

    /// <summary>The elements that have not failed.</summary>
    public IReadOnlyList<object> Left() => [.. Source!.Elements.Where((_, index) => !Ledger.Failed.Contains(index))];

    /// <summary>The steps that choose again.</summary>
    public IReadOnlyList<PipelineStep> StepsAbove(RecordedSource source) =>
        [.. Plan.Between(source.Position, Plan.LastExtraction(source.Position) + 1)];

    /// <summary>The steps that a candidate goes through: the filters above the choice, and all below it.</summary>
    public IEnumerable<(PipelineStep Step, int Position)> StepsOfCandidate()
    {
        var first = Source switch
        {
            RecordedSource recorded => recorded.Position,
            HeldSelection held when IsHeldHere => held.Position,
            _ => 0,
        };
        var choice = ChoicePosition;
        for (var position = first + 1; position < Location.Position; position++)
        {
            var step = Plan.Steps[position - 1];
            if (position > choice || step.Kind is StepKind.Filter)
            {
                yield return (step, position);
            }
        }
    }

    /// <summary>Which of the source's elements these are.</summary>
    public List<int> Indices(IEnumerable<object> elements) =>
        [.. elements.Select(LineageSource.OriginOf).OfType<ElementOrigin>().Where(origin => ReferenceEquals(origin.Source, Source))
            .Select(origin => origin.Index)];

    /// <summary>The default is that of -OutVariable and the like, by its name or by an alias (-ov).</summary>
    private static bool IsOfVariable(string key) =>
        key.EndsWith("Variable", StringComparison.OrdinalIgnoreCase) || key.EndsWith("v", StringComparison.OrdinalIgnoreCase);

    public void Dispose()
    {
        if (_ownsRun)
        {
            Run.Dispose();
        }
    }
}
