using Kumoi.Fleets;
using Kumoi.Lineage;
using Kumoi.PowerShell.Actions;

namespace Kumoi.PowerShell.Substitution;

/// <summary>The lines of the trace about what a terminal did: failures, substitutes, what was undone.</summary>
internal sealed class ActionTrace(LineageTrace trace, string cmdlet)
{
    public void Add(LineageStepKind kind, string? element, string? detail, FaultDomain? domain = null) => trace.Add(new LineageStep
    {
        Kind = kind,
        Operator = cmdlet,
        Element = element,
        Detail = detail,
        FaultDomain = domain,
    });

    public void AddFailure(ActionRun run)
    {
        var error = run.Error!;
        var element = run.Request.Origin is { IsElement: false } origin ? origin.Name : run.Request.Target.ToString();
        Add(LineageStepKind.Failure, element, error.Message, FaultRules.DomainOf(error));
        if (error is CompensationFailedException debris)
        {
            Add(LineageStepKind.Compensation, element, debris.Undoing.Message);
        }
    }

    /// <summary>An earlier cmdlet's work on an element was undone, or why it was not.</summary>
    public void AddUndoing(string undone, object element, string? problem) => trace.Add(new LineageStep
    {
        Kind = LineageStepKind.Compensation,
        Operator = undone,
        Element = element.ToString(),
        Detail = problem,
    });
}
