using System.Management.Automation;
using Kumoi.Agents;
using Kumoi.Journal;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Parameters;
using Kumoi.PowerShell.Session;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Ends the scaling of groups. Their VMs stay as they are.</summary>
[Cmdlet(VerbsLifecycle.Stop, "KumoiScaling", SupportsShouldProcess = true)]
[OutputType(typeof(KumoiScaling))]
public sealed class StopKumoiScalingCommand : KumoiCmdlet
{
    private bool _isTyped;

    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(ScalingGroupCompleter))]
    public string[] Group { get; set; } = [];

    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        _isTyped = MyInvocation.BoundParameters.ContainsKey(nameof(Group));
    }

    protected override void ProcessRecord()
    {
        var persistent = ListPersistent();
        foreach (var name in Group)
        {
            var given = new NameText(name, isLiteral: !_isTyped);
            IReadOnlyList<KumoiScaling> known = [.. KumoiSession.Scalings.Select(run => run.Status), .. persistent ?? []];
            var chosen = Names.Choose(known, status => status.Group, [given]);
            // Where the agent did not tell, that was the error.
            if (chosen.Count == 0 && !given.IsPattern && persistent is not null)
            {
                WriteError(Errors.NotFound(
                    $"No group '{name}' is scaled by this session or by the agent.", name, "Get-KumoiScaling lists those that are."));
            }

            foreach (var status in chosen)
            {
                if (ShouldProcess(status.Group, "Stop scaling"))
                {
                    Stop(status);
                }
            }
        }
    }

    /// <summary>Null: the agent runs, and did not tell.</summary>
    private IReadOnlyList<KumoiScaling>? ListPersistent()
    {
        try
        {
            return Await(KumoiSession.PersistentScalings.ListAsync(StopToken));
        }
        catch (Exception e) when (e is AgentException or JournalException)
        {
            WriteFailure(e, null);
            return null;
        }
    }

    private void Stop(KumoiScaling status)
    {
        if (!status.IsPersistent)
        {
            if (KumoiSession.Scalings.FirstOrDefault(run => run.Status.Group == status.Group) is { } run)
            {
                WriteObject(Await(run.StopAsync()));
            }

            return;
        }

        try
        {
            // Somebody else may have stopped it meanwhile, which is as well.
            if (Await(KumoiSession.PersistentScalings.StopAsync(status.Group, StopToken)) is { } stopped)
            {
                WriteObject(stopped);
            }
        }
        catch (Exception e) when (e is AgentException or JournalException)
        {
            WriteFailure(e, status.Group);
        }
    }
}
