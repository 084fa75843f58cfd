using Kumoi.Lineage;
using Kumoi.PowerShell.Lineage;

namespace Kumoi.PowerShell.Substitution;

/// <summary>The lines of the trace about the pipeline itself: where the elements came from, and how many each step let pass.</summary>
internal sealed class ChainTrace(TerminalLineage lineage)
{
    private bool _isAdded;

    /// <summary>The lines with counts, when <paramref name="replay"/> has just run the chain again.</summary>
    public void AddCounted(int chosen, PipelineReplay replay)
    {
        if (!_isAdded)
        {
            AddChain(Counts(chosen, replay));
        }
    }

    /// <summary>The lines without counts, if the chain was not run again, and how many elements were worked on.</summary>
    public void AddAction(int count)
    {
        if (!_isAdded && lineage.Source is not null)
        {
            AddChain(lineage.Plan.Steps.Where(step => step.Kind is not StepKind.Action)
                .Select(step => (step.Text, KindOf(step), default(int?), default(int?))));
        }

        lineage.Trace.Add(
            new LineageStep { Kind = LineageStepKind.Action, Operator = lineage.Location.Command.Extent.Text, CountIn = count });
    }

    /// <summary>
    /// The chain step by step, with what goes into each step and what comes out. A step whose count is known anyway is run only where a
    /// later count depends on it: over thousands of elements each run is felt.
    /// </summary>
    private List<(string Text, LineageStepKind Kind, int? Before, int? After)> Counts(int chosen, PipelineReplay replay)
    {
        if (lineage.Source is not RecordedSource recorded)
        {
            return [(((HeldSelection)lineage.Source!).Title, LineageStepKind.Extraction, lineage.Source.Elements.Count, chosen)];
        }

        var steps = lineage.StepsAbove(recorded);
        var counts = new List<(string, LineageStepKind, int?, int?)>();
        var current = lineage.Left();
        var before = current.Count;
        List<string> notRun = [];
        foreach (var step in steps)
        {
            notRun.Add(step.Replay);
            var after = ReferenceEquals(step, steps[^1]) ? chosen : before;
            if (!ReferenceEquals(step, steps[^1]) && !step.KeepsCount)
            {
                current = replay.PassedBehind(counts.Count + 1) ?? replay.Run(current, notRun);
                notRun.Clear();
                after = current.Count;
            }

            counts.Add((step.Text, KindOf(step), before, after));
            before = after;
        }

        return counts;
    }

    private void AddChain(IEnumerable<(string Text, LineageStepKind Kind, int? Before, int? After)> steps)
    {
        _isAdded = true;
        var source = lineage.Location.Pipeline.PipelineElements[0].Extent.Text;
        lineage.Trace.Add(new LineageStep { Kind = LineageStepKind.Source, Operator = source, CountOut = lineage.Source!.Elements.Count });
        foreach (var (text, kind, before, after) in steps)
        {
            lineage.Trace.Add(new LineageStep { Kind = kind, Operator = text, CountIn = before, CountOut = after });
        }

        if (lineage.Source is RecordedSource recorded)
        {
            foreach (var (name, reason) in recorded.Unreadable)
            {
                lineage.Trace.Add(new LineageStep { Kind = LineageStepKind.Rejection, Operator = source, Element = name, Detail = reason });
            }

            recorded.Unreadable.Clear();
        }
    }

    private static LineageStepKind KindOf(PipelineStep step) =>
        step.Kind is StepKind.Extraction ? LineageStepKind.Extraction : LineageStepKind.Operator;
}
