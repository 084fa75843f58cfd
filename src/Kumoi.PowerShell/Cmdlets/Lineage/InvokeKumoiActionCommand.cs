using System.Management.Automation;
using Kumoi.Fleets.Journaling;
using Kumoi.Hypervisors;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Lineage;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>
/// Runs a script block for each host or VM. An action that writes an error, or throws, has failed: its element is replaced by the next
/// that the pipeline would have chosen.
/// </summary>
[Cmdlet(VerbsLifecycle.Invoke, "KumoiAction", SupportsShouldProcess = true)]
public sealed class InvokeKumoiActionCommand : ActionCmdlet
{
    [Parameter(Mandatory = true, Position = 0)]
    [Alias("Action")]
    public ScriptBlock ScriptBlock { get; set; } = null!;

    /// <summary>Undoes what the action did to an element (<c>$_</c>) that has to be replaced.</summary>
    [Parameter]
    public ScriptBlock? Undo { get; set; }

    [Parameter(Mandatory = true, ValueFromPipeline = true)]
    public PSObject InputObject { get; set; } = null!;

    private protected override IEnumerable<ActionRequest> CreateRequests()
    {
        var element = InputObject;
        yield return new ActionRequest.OnPipelineThread
        {
            Target = element.BaseObject,
            ShouldProcessTarget = element.ToString(),
            Verb = $"Run {{ {ScriptBlock.ToString().Trim()} }}",
            Origin = LineageSource.OriginOf(element.BaseObject),
            Work = () => Run(element),
        };
    }

    private ActionResult Run(PSObject element)
    {
        var output = ScriptBlockRunner.Run(this, ScriptBlock, element, out var errors);
        if (errors.Count > 0)
        {
            Exception? problem = null;
            if (Undo is not null && !KeepFailed)
            {
                ScriptBlockRunner.Run(this, Undo, element, out var undoing);
                RecordUndo(MyInvocation.MyCommand.Name, element.BaseObject, undoing.FirstOrDefault()?.ToString());
                errors.AddRange(undoing);
                problem = undoing.FirstOrDefault()?.Exception;
            }

            throw new ActionFailedException(errors) { Undoing = problem };
        }

        return new ActionResult([.. output], Undo is null ? null : UndoLater(element));
    }

    private Func<KumoiConnection?, Task> UndoLater(PSObject element) => _ =>
    {
        // What the block does with the errors of its calls is its own business; what they leave open is not.
        var outcomes = new OpenOutcomes(OpenOutcomes.Current);
        List<ErrorRecord> errors;
        using (outcomes.Enter())
        {
            ScriptBlockRunner.Run(this, Undo!, element, out errors);
        }

        return errors.Count > 0 ? Task.FromException(new ActionFailedException(errors))
            : outcomes.Left is [{ } open, ..] ? Task.FromException(new HypervisorException($"{open}.", outcomeUnknown: true))
            : Task.CompletedTask;
    };
}
