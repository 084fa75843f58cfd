using System.Management.Automation;
using Kumoi.Agents;
using Kumoi.Journal;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Parameters;
using Kumoi.PowerShell.Session;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>The groups that this session scales in the background, or did, and those that the agent scales.</summary>
[Cmdlet(VerbsCommon.Get, "KumoiScaling")]
[OutputType(typeof(KumoiScaling))]
public sealed class GetKumoiScalingCommand : KumoiCmdlet
{
    [Parameter(Position = 0)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(ScalingGroupCompleter))]
    public string[] Group { get; set; } = [];

    protected override void EndProcessing()
    {
        IReadOnlyList<KumoiScaling> persistent = [];
        try
        {
            persistent = Await(KumoiSession.PersistentScalings.ListAsync(StopToken));
        }
        catch (Exception e) when (e is AgentException or JournalException)
        {
            // The session's own are known.
            WriteFailure(e, null);
        }

        IReadOnlyList<KumoiScaling> all =
        [
            .. KumoiSession.Scalings.Select(run => run.Status).Concat(persistent)
                .OrderBy(status => status.Group, NaturalOrder.IgnoringCase),
        ];
        WriteObject(Names.Choose(all, static status => status.Group, Names.Typed(Group)), enumerateCollection: true);
        foreach (var name in Names.Typed(Group).Where(
            name => !name.IsPattern && Names.Choose(all, static status => status.Group, [name]).Count == 0))
        {
            WriteError(Errors.NotFound(
                $"No scaling group '{name.Text}' is scaled.", name.Text, "Get-KumoiScaling lists those that are, or were in this session."));
        }
    }
}
