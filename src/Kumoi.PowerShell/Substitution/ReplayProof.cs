using System.Management.Automation;
using Kumoi.PowerShell.Lineage;

namespace Kumoi.PowerShell.Substitution;

/// <summary>
/// Proves that a replay means what the pipeline meant: run again over what the terminal was given, less what failed before it, the chain
/// must choose what has come.
/// </summary>
internal sealed class ReplayProof(ISubstitutionTerminal terminal, TerminalLineage lineage, PipelineReplay replay, ChainTrace trace)
{
    /// <summary>Null if it does; otherwise why nothing is replaced. To be called before the terminal's own failures are counted.</summary>
    public string? Refutation()
    {
        if (lineage.Source is RecordedSource recorded && recorded.TakeRest() is { } readRest)
        {
            terminal.Wait(ReadAsync(readRest));
        }

        if ((RunTime.Obstacle(terminal.Cmdlet, lineage.Source!.Elements, lineage.Reads?.Above.Words ?? [])
            ?? lineage.Changed()) is { } obstacle)
        {
            return obstacle;
        }

        IReadOnlyList<int> chosen;
        string? lost;
        try
        {
            chosen = replay.Choose();
            lost = Lost(
                [.. chosen.Where(index => !lineage.HaveArrived.Contains(index) && !lineage.Ledger.LeftOut.Contains(index))], chosen);
            trace.AddCounted(chosen.Count, replay);
        }
        catch (Exception e) when (
            e is RuntimeException and not PipelineStoppedException or PSInvalidOperationException || ScriptBlockCall.IsFlowControl(e))
        {
            return $"the steps cannot be run again: {e.Message}";
        }

        if (!lineage.HaveArrived.IsSubsetOf(chosen))
        {
            return "running the same steps again chooses other elements than came";
        }

        if (lost is not null)
        {
            return lost;
        }

        // Chosen, but dropped on the way here: the author's own steps turned them down.
        lineage.Ledger.Used.UnionWith(chosen);
        return null;
    }

    private async Task<bool> ReadAsync(Func<CancellationToken, Task> read)
    {
        await read(terminal.StopToken);
        return true;
    }

    /// <summary>
    /// What was chosen and has not come must have been turned down by steps that turn it down again: otherwise nobody knows what a
    /// substitute would have to be. Null: it was.
    /// </summary>
    private string? Lost(IReadOnlyList<int> missing, IReadOnlyList<int> chosen)
    {
        if (missing.Count == 0)
        {
            return null;
        }

        var below = lineage.StepsOfCandidate().Where(entry => entry.Position > lineage.ChoicePosition).ToList();
        if (below.Find(entry => entry.Step.Kind is StepKind.Action || entry.Step.Effect is not null) is { Step: { } step })
        {
            return $"{lineage.NameOf(missing[0])} was chosen and did not come through '{step.Text}', which is not run again";
        }

        if (below.Count == 0)
        {
            return $"{lineage.NameOf(missing[0])} was chosen and did not come";
        }

        var feed = chosen.Select(index => lineage.Source!.Elements[index]).ToList();
        var passed = lineage.Indices(replay.Run(feed, below.Select(entry => entry.Step.Replay)));
        return lineage.HaveArrived.SetEquals(passed.Where(index => !lineage.Ledger.LeftOut.Contains(index)))
            ? null
            : $"{lineage.NameOf(missing[0])} was chosen and did not come, although the same steps let it pass";
    }
}
