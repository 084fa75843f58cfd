using System.Management.Automation;
using System.Management.Automation.Language;

namespace Kumoi.PowerShell.Lineage;

/// <summary>
/// What the steps between a source and a terminal are, resolved before any script block of the pipeline has run: a filter could
/// redefine a command. From it follows whether, and with what, the pipeline can be replayed.
/// </summary>
internal sealed class PipelinePlan
{
    private readonly PipelineAst _pipeline;

    private PipelinePlan(PipelineAst pipeline, IReadOnlyList<PipelineStep> steps)
    {
        _pipeline = pipeline;
        Steps = steps;
    }

    /// <summary>The steps after the first element, up to the terminal without it, by position - 1.</summary>
    public IReadOnlyList<PipelineStep> Steps { get; }

    public static PipelinePlan Of(PipelineAst pipeline, int terminal, PSCmdlet asker)
    {
        var purity = new Purity(asker.InvokeCommand, asker.SessionState);
        return new PipelinePlan(
            pipeline, [.. pipeline.PipelineElements.Take(terminal).Skip(1).Select(element => PipelineStep.Of(element, asker, purity))]);
    }

    /// <summary>The steps at positions after <paramref name="source"/> and before <paramref name="end"/>.</summary>
    public IEnumerable<PipelineStep> Between(int source, int end) => Steps.Take(end - 1).Skip(source);

    /// <summary>The position of the last step behind a source that takes so many; 0: there is none.</summary>
    public int LastExtraction(int source) => LastAfter(source, static step => step.Kind is StepKind.Extraction);

    /// <summary>The position of the last step that keeps some and leaves others; 0: there is none.</summary>
    public int LastChoice => LastAfter(0, static step => step.Kind is StepKind.Extraction or StepKind.Held);

    /// <summary>Why the elements of a source at <paramref name="source"/> cannot be replaced; null if they can.</summary>
    public string? ObstacleAfterSource(int source, int terminal, bool hasPipelineVariable)
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
                return step.Obstacle ?? $"'{step.Text}' stands above the choice and is not Where-Object, Sort-Object or Select-Object";
            }

            if (step.Effect is { } effect)
            {
                return $"'{effect}' may have an effect, so the pipeline is not run again for a substitute";
            }
        }

        var isReordered = Between(source, extraction + 1).Any(step => step.Kind is StepKind.Order || step.FromEnd);
        return hasPipelineVariable && isReordered
            ? "-PipelineVariable does not stand for each element behind Sort-Object or -Last"
            : ObstacleBelow(extraction, terminal) ?? ChangedMeanwhile(Between(source, extraction + 1), extraction, terminal);
    }

    /// <summary>Why the steps below an extraction cannot work on one substitute by itself; null if they can.</summary>
    public string? ObstacleBelow(int extraction, int terminal)
    {
        foreach (var step in Between(extraction, terminal))
        {
            if (!step.IsPerElement)
            {
                return step.Obstacle ?? $"'{step.Text}' does not work on each element by itself";
            }

            if (step.Kind is not StepKind.Action && step.ArgumentEffect is { } effect)
            {
                return $"'{effect}' would be evaluated again for a substitute";
            }
        }

        return Steps.FirstOrDefault(step => step.HasPipelineVariable) is { } variable
            ? $"'{variable.Text}' hands on a variable"
            : null;
    }

    private int LastAfter(int source, Predicate<PipelineStep> isSought)
    {
        for (var i = Steps.Count - 1; i >= source; i--)
        {
            if (isSought(Steps[i]))
            {
                return i + 1;
            }
        }

        return 0;
    }

    /// <summary>
    /// Arguments and filters are evaluated again from the variables that they name. If the pipeline itself changes one of those on the way,
    /// they would mean something else.
    /// </summary>
    private string? ChangedMeanwhile(IEnumerable<PipelineStep> above, int extraction, int terminal)
    {
        var read = above.Select(step => (Ast)step.Command!)
            .Concat(Between(extraction, terminal).SelectMany(
                step => step.Command!.CommandElements.Where(element => element is not ScriptBlockExpressionAst)))
            .SelectMany(VariableUse.Read).ToHashSet(StringComparer.OrdinalIgnoreCase);
        return _pipeline.PipelineElements.Skip(extraction + 1).Take(terminal - extraction)
            .SelectMany(VariableUse.Written).FirstOrDefault(read.Contains) is { } changed
                ? $"the pipeline changes ${changed}, by which it chooses"
                : null;
    }

    /// <summary>The variables that the steps of a source's chain write: a replay of the chain must leave them as they were.</summary>
    public IEnumerable<string> WrittenAbove(int source) =>
        Between(source, LastExtraction(source) + 1).Where(step => step.Command is not null)
            .SelectMany(step => VariableUse.Written(step.Command!)).Append("Matches");
}
