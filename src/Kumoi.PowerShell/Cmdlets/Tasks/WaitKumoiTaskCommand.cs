using System.Management.Automation;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Jobs;
using Async = System.Threading.Tasks.Task;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Waits until tasks have ended, and writes what they gave: objects, errors, warnings.</summary>
[Cmdlet(VerbsLifecycle.Wait, "KumoiTask", DefaultParameterSetName = "Task")]
[OutputType(typeof(object))]
public sealed class WaitKumoiTaskCommand : SelectTaskCmdlet
{
    private readonly List<KumoiJob> _jobs = [];

    /// <summary>How many seconds at most; 0: for ever. One that has not ended by then is an error, and goes on.</summary>
    [Parameter]
    [ValidateRange(0, 2_000_000)]
    public int TimeoutSec { get; set; }

    protected override void ProcessRecord() => _jobs.AddRange(Given.Select(static task => task.Job).Where(job => !_jobs.Contains(job)));

    protected override void EndProcessing()
    {
        using var limit = new CancellationTokenSource(TimeoutSec == 0 ? Timeout.InfiniteTimeSpan : TimeSpan.FromSeconds(TimeoutSec));
        var late = Async.Delay(Timeout.Infinite, limit.Token);
        foreach (var job in _jobs)
        {
            WaitForEnd(Async.WhenAny(job.Ended, late));
            if (job.Ended.IsCompleted)
            {
                Write(job);
                continue;
            }

            var message = $"Task {job.Id} ({job.Cmdlet}) has not ended within {TimeoutSec} s, and goes on.";
            WriteError(new ErrorRecord(new TimeoutException(message), "TimedOut", ErrorCategory.OperationTimeout, job)
            {
                ErrorDetails = new ErrorDetails(message)
                {
                    RecommendedAction = "Get-KumoiTask shows how far it is; Stop-KumoiTask ends it; wait again with a longer -TimeoutSec.",
                },
            });
        }

        limit.Cancel();
    }

    /// <summary>As Receive-Job does, which takes it out of the job.</summary>
    private void Write(KumoiJob job)
    {
        foreach (var output in job.Output.ReadAll())
        {
            WriteObject(output);
        }

        foreach (var warning in job.Warning.ReadAll())
        {
            WriteWarning(warning.Message);
        }

        foreach (var information in job.Information.ReadAll())
        {
            WriteInformation(information);
        }

        foreach (var error in job.Error.ReadAll())
        {
            WriteError(error);
        }
    }
}
