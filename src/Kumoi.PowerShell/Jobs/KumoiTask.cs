using System.Management.Automation;

namespace Kumoi.PowerShell.Jobs;

/// <summary>How far the work of a cmdlet is that was called with -AsJob, when it was looked at.</summary>
public sealed record KumoiTask
{
    /// <summary>Looks at a job.</summary>
    public KumoiTask(KumoiJob job)
    {
        ArgumentNullException.ThrowIfNull(job);
        Job = job;
        State = job.JobStateInfo.State;
        var progress = State is JobState.Running ? job.LastProgress : null;
        PercentComplete = State is JobState.Completed ? 100 : progress is { PercentComplete: >= 0 and var percent } ? percent : null;
        TimeLeft = progress is { SecondsRemaining: >= 0 and var seconds } ? TimeSpan.FromSeconds(seconds) : null;
        Status = progress is null ? job.Error is [{ } first, ..] ? first.ToString() : "" : $"{progress.Activity}: {progress.StatusDescription}";
    }

    /// <summary>The job's number, as Get-Job has it.</summary>
    public int Id => Job.Id;

    /// <summary>The cmdlet whose work it is.</summary>
    public string Name => Job.Cmdlet;

    /// <summary>What it works on.</summary>
    public IReadOnlyList<string> Target => Job.Targets;

    public JobState State { get; }

    /// <summary>In percent, of what is worked on now; null: not known.</summary>
    public int? PercentComplete { get; }

    /// <summary>How long what is worked on now will take, by its rate until now; null: not known.</summary>
    public TimeSpan? TimeLeft { get; }

    /// <summary>What is worked on, with its rate where there is one; of one that has failed, its first error.</summary>
    public string Status { get; }

    /// <summary>Local time.</summary>
    public DateTime? BeginTime => Job.PSBeginTime;

    /// <summary>Local time; null: it has not ended.</summary>
    public DateTime? EndTime => Job.PSEndTime;

    /// <summary>The job itself, for Receive-Job and the other cmdlets of PowerShell.</summary>
    public KumoiJob Job { get; }

    public override string ToString() => $"{Id} {Name} {string.Join(", ", Target)}";
}
