using System.Management.Automation;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Jobs;

namespace Kumoi.PowerShell.Cmdlets.Base;

/// <summary>A cmdlet that does something with tasks that it is given.</summary>
public abstract class SelectTaskCmdlet : TaskCmdlet
{
    /// <summary>The tasks: what Get-KumoiTask gives, or a job.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ParameterSetName = "Task")]
    public KumoiTask[] Task { get; set; } = [];

    /// <summary>Their numbers.</summary>
    [Parameter(Mandatory = true, ParameterSetName = "Id")]
    [ArgumentCompleter(typeof(TaskIdCompleter))]
    public int[] Id { get; set; } = [];

    /// <summary>Those that are meant.</summary>
    private protected IEnumerable<KumoiTask> Given => ParameterSetName is "Id" ? Find(Id) : Task;
}
