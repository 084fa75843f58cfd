using System.Management.Automation;
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
        foreach (var name in Group)
        {
            var given = new NameText(name, isLiteral: !_isTyped);
            var runs = Names.Choose(KumoiSession.Scalings, run => run.Status.Group, [given]);
            if (runs.Count == 0 && !given.IsPattern)
            {
                WriteError(
                    Errors.NotFound($"No group '{name}' is scaled by this session.", name, "Get-KumoiScaling lists those that are."));
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
