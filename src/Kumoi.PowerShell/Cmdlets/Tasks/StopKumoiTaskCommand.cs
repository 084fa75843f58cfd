using System.Management.Automation;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Jobs;
using Async = System.Threading.Tasks.Task;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Ends tasks: what they are doing is undone, or takes effect, and what they have not begun is left out.</summary>
[Cmdlet(VerbsLifecycle.Stop, "KumoiTask", DefaultParameterSetName = "Task", SupportsShouldProcess = true)]
[OutputType(typeof(KumoiTask))]
public sealed class StopKumoiTaskCommand : SelectTaskCmdlet
{
    protected override void ProcessRecord()
    {
        foreach (var task in Given)
        {
            if (ShouldProcess(task.ToString(), "Stop"))
            {
                Await(Async.Run(task.Job.StopJob, StopToken));
                WriteObject(new KumoiTask(task.Job));
            }
        }
    }
}
