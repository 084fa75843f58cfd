using System.Management.Automation;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Parameters;
using Kumoi.PowerShell.Pumping;
using Kumoi.PowerShell.Session;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Ends the scaling of groups. Their VMs stay as they are.</summary>
[Cmdlet(VerbsLifecycle.Stop, "KumoiScaling", SupportsShouldProcess = true)]
[OutputType(typeof(KumoiScaling))]
public sealed class StopKumoiScalingCommand : KumoiCmdlet
{
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(ScalingGroupCompleter))]
    public string[] Group { get; set; } = [];

    protected override void ProcessRecord()
    {
        foreach (var name in Group)
        {
            // A name that is one is meant as it is, also where it could be a pattern.
            var matches = KumoiSession.Scalings.Any(run => run.Status.Group == name) ? other => other == name : Names.Matcher([name]);
            var runs = KumoiSession.Scalings.Where(run => matches(run.Status.Group)).ToList();
            if (runs.Count == 0 && !Names.HasWildcards(name))
            {
                WriteError(Errors.NotFound($"No group '{name}' is scaled by this session.", name, "Get-KumoiScaling lists those that are."));
            }

            foreach (var run in runs)
            {
                if (ShouldProcess(run.Status.Group, "Stop scaling"))
                {
                    WriteObject(Await(run.StopAsync()));
                }
            }
        }
    }
}
