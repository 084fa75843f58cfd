using Kumoi.PowerShell.Jobs;

namespace Kumoi.PowerShell.Cmdlets.Base;

/// <summary>A cmdlet for the work that others do with -AsJob.</summary>
public abstract class TaskCmdlet : KumoiCmdlet
{
    /// <summary>All of this session, the oldest first.</summary>
    private protected static IEnumerable<KumoiTask> Tasks() => KumoiJob.All.Select(static job => new KumoiTask(job));

    /// <summary>Those with these numbers. One that is not there is an error.</summary>
    private protected IEnumerable<KumoiTask> Find(IEnumerable<int> ids)
    {
        var tasks = Tasks().ToDictionary(static task => task.Id);
        foreach (var id in ids)
        {
            if (tasks.TryGetValue(id, out var task))
            {
                yield return task;
            }
            else
            {
                WriteError(Errors.NotFound(
                    $"There is no task {id} in this session.", id, "Get-KumoiTask shows those that there are; Remove-Job takes them away."));
            }
        }
    }
}
