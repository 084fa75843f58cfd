using System.Management.Automation;
using System.Management.Automation.Language;

namespace Kumoi.PowerShell.Lineage;

/// <summary>
/// What the steps between a source and a terminal are, resolved before any script block of the pipeline has run: a filter could
/// redefine a command. From it follows whether, and with what, the pipeline can be replayed.
/// </summary>
internal sealed class PipelinePlan
{
    private PipelinePlan(IReadOnlyList<PipelineStep> steps) => Steps = steps;

    /// <summary>The steps after the first element, up to the terminal without it, by position - 1.</summary>
    public IReadOnlyList<PipelineStep> Steps { get; }

    public static PipelinePlan Of(PipelineAst pipeline, int terminal, PSCmdlet asker)
    {
        var purity = new Purity(asker.InvokeCommand);
        return new PipelinePlan([.. pipeline.PipelineElements.Take(terminal).Skip(1).Select(element => PipelineStep.Of(element, asker, purity))]);
    }

    /// <summary>The steps at positions after <paramref name="source"/> and before <paramref name="end"/>.</summary>
    public IEnumerable<PipelineStep> Between(int source, int end) => Steps.Take(end - 1).Skip(source);

    public int LastExtraction(int source) =>
        1 + Steps.Select((step, index) => (step, index)).Where(entry => entry.index >= source && entry.step.Kind is StepKind.Extraction)
            .Select(entry => entry.index).DefaultIfEmpty(-1).Last();

    /// <summary>Why the elements of a source at <paramref name="source"/> cannot be replaced; null if they can.</summary>
    public string? ObstacleAfterSource(int source, int terminal)
    {
        var extraction = LastExtraction(source);
        if (extraction == 0)
        {
            return "the pipeline chooses nothing (Select-Object -First, -Last, -Index, Sort-Object -Top, -Bottom), so it left no reserve";
        }

        foreach (var step in Between(source, extraction + 1))
        {
            if (step.Kind is not (StepKind.Filter or StepKind.Order or StepKind.Extraction))
            {
                return step.Obstacle ?? $"'{step.Text}' stands above the choice and is no Where-Object, Sort-Object or Select-Object";
            }

            if (step.Effect is { } effect)
            {
                return $"'{effect}' may have an effect, so the pipeline is not run again for a substitute";
            }
        }

        return ObstacleBelow(extraction, terminal);
    }

    /// <summary>Why the steps below an extraction cannot work on one substitute by itself; null if they can.</summary>
    public string? ObstacleBelow(int extraction, int terminal) =>
        Between(extraction, terminal).FirstOrDefault(step => !step.IsPerElement) is { } step
            ? step.Obstacle ?? $"'{step.Text}' does not work on each element by itself"
            : null;
}
