using Kumoi.Lineage;
using Kumoi.PowerShell.Actions;

namespace Kumoi.PowerShell.Substitution;

/// <summary>
/// An element that has failed and waits for another to take its place. The first cause stays the error; what was tried comes with it.
/// </summary>
internal sealed class WaitingElement(ActionRun run)
{
    private const string SeeWhatIsLeft = "See what is left with Get-KumoiVM, and remove it before you do it again.";

    public ActionRun Run => run;

    /// <summary>What earlier cmdlets of the pipeline did to it was undone.</summary>
    public bool IsUndone { get; set; }

    public List<string> Attempts { get; } = [];

    /// <summary>What was done to an element could not be undone: a substitute would be a second one.</summary>
    public void GiveUpForDebris(object element)
    {
        run.IsOutcomeOpen = true;
        run.Verdict = new ActionVerdict(
            Because($"What was done on {element} could not be undone, so nothing takes its place."), Advice: SeeWhatIsLeft);
    }

    /// <summary>The reserve has nothing left for it.</summary>
    public void GiveUpExhausted(string name) => run.Verdict = new ActionVerdict(
        Because($"Nothing was left to take the place of {name}"
            + (Attempts.Count == 0 ? "." : $"; tried {string.Join("; ", Attempts.Distinct())}")),
        IsExhausted: true);

    /// <summary>What a substitute met settles it. If that may have taken effect, it is neither masked nor without its own advice.</summary>
    public void GiveUp(Exception settles)
    {
        run.IsOutcomeOpen = FaultRules.OperationMayHaveTakenEffect(settles) || FaultRules.IsNotUndone(settles);
        run.Verdict = new ActionVerdict(Because(settles.Message), AdviceOf: run.IsOutcomeOpen ? settles : null);
    }

    /// <inheritdoc cref="GiveUp(Exception)"/>
    public void GiveUp(ActionRun substitute)
    {
        GiveUp(substitute.Error!);
        if (!substitute.MayHaveTakenEffect)
        {
            return;
        }

        run.IsOutcomeOpen = true;
        foreach (var open in substitute.Open.Where(open => !run.Verdict!.Message.Contains(open.Why ?? " ", StringComparison.Ordinal)))
        {
            run.Verdict = run.Verdict! with { Message = $"{run.Verdict.Message.TrimEnd('.')}. {open}." };
        }
    }

    private string Because(string what) => $"{run.Error!.Message.TrimEnd('.')}. {what}";
}
