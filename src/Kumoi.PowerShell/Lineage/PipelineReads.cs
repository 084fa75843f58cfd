using System.Management.Automation;

namespace Kumoi.PowerShell.Lineage;

/// <summary>
/// What the steps of a pipeline read, as it was when the terminal began: no script block of the pipeline below it had run. Above the choice
/// and below it are apart: what was held is not chosen again.
/// </summary>
internal sealed class PipelineReads
{
    private readonly RecordedReads _above;
    private readonly List<RecordedReads> _below = [];

    public PipelineReads(PipelinePlan plan, PipelineRun run, int terminal, SessionState session)
    {
        var above = new ScriptReads(session);
        var below = new ScriptReads(session);
        var others = new Dictionary<PSModuleInfo, ScriptReads>();
        var choice = plan.LastChoice;
        for (var position = 1; position <= terminal; position++)
        {
            if (position < terminal && plan.Steps[position - 1] is { Kind: not StepKind.Action } step)
            {
                if (step.Command is { } command)
                {
                    (position <= choice ? above : below).Add(command);
                }

                continue;
            }

            if (!run.Arguments.TryGetValue(position, out var arguments))
            {
                continue;
            }

            below.Call(arguments.Cmdlet.Name);
            foreach (var block in position < terminal ? arguments.BlocksOfStep : arguments.BlocksOfBinding)
            {
                if (ReferenceEquals(block.Module, session.Module))
                {
                    below.Add(block.Ast);
                }
                else if (block.Module is { } module)
                {
                    // It sees the variables of its own module, or closure.
                    if (!others.TryGetValue(module, out var reads))
                    {
                        others[module] = reads = new ScriptReads(module.SessionState);
                    }

                    reads.Add(block.Ast);
                }
                else
                {
                    UnknownBlock = $"'{{{block}}}' belongs to another module, so what it reads is not known";
                }
            }
        }

        Above = above;
        _above = new RecordedReads(above);
        _below.Add(new RecordedReads(below));
        _below.AddRange(others.Values.Select(reads => new RecordedReads(reads)));
    }

    /// <summary>What the steps up to the choice read.</summary>
    public ScriptReads Above { get; }

    /// <summary>What cannot be recorded; null: all of it is.</summary>
    public string? Obstacle(bool isChosenAgain) =>
        UnknownBlock ?? (isChosenAgain ? _above.Obstacle : null)
            ?? _below.Select(static reads => reads.Obstacle).FirstOrDefault(static obstacle => obstacle is not null);

    /// <summary>What is no longer as it was; null: all of it is.</summary>
    public string? Changed(bool isChosenAgain, string? pipelineVariable) =>
        (isChosenAgain ? _above.Changed(pipelineVariable) : null)
        ?? _below.Select(reads => reads.Changed(pipelineVariable)).FirstOrDefault(static changed => changed is not null);

    private string? UnknownBlock { get; set; }
}
