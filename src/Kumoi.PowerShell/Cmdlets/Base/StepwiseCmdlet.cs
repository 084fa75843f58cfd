using System.Management.Automation;
using Kumoi.PowerShell.Jobs;

namespace Kumoi.PowerShell.Cmdlets.Base;

/// <summary>
/// A cmdlet that works step by step on the pipeline's thread, where each step follows from those before it. With -AsJob it asks at the
/// prompt, and is then run again without -AsJob in a runspace of its own, on what was found and agreed to.
/// </summary>
public abstract class StepwiseCmdlet : FleetCmdlet
{
    /// <summary>The prompt is free at once: a job does the work, and has its output.</summary>
    [Parameter]
    public SwitchParameter AsJob { get; set; }

    /// <summary>A plan, which -WhatIf asks for, is no work.</summary>
    private protected bool IsForJob => AsJob && !IsWhatIf();

    /// <summary>Whether a job is to do all steps. It cannot ask for each, because nobody is there to be asked.</summary>
    private protected bool ShouldProcessAll(IEnumerable<KumoiConnection> hosts) =>
        ShouldProcess(string.Join(", ", hosts), "Do all steps as a job, which does not ask for each");

    /// <summary>Begins the job, and writes it. Nothing to do is no job: what was not found, or was declined, was said already.</summary>
    /// <param name="input">The parameter that takes what comes by the pipeline.</param>
    /// <param name="elements">What is to be worked on; null: what the cmdlet finds by itself, because nothing was asked for.</param>
    /// <param name="targets">What the job is said to work on.</param>
    private protected void HandOver(string input, IReadOnlyList<object>? elements, IEnumerable<object> targets)
    {
        if (elements is { Count: 0 })
        {
            return;
        }

        var parameters = new Dictionary<string, object>(MyInvocation.BoundParameters, StringComparer.OrdinalIgnoreCase);
        parameters.Remove(input);
        AddToJob(parameters);
        var work = new CmdletInRunspace(this, parameters, elements);
        var job = new KumoiJob(
            MyInvocation.MyCommand.Name, MyInvocation.Line.Trim(), [.. targets.Select(static target => target.ToString() ?? "")],
            work.Stop);
        JobRepository.Add(job);
        job.Run(_ => work.RunAsync(job));
        WriteObject(job);
    }

    /// <summary>What the job must be given beside what was typed.</summary>
    private protected virtual void AddToJob(IDictionary<string, object> parameters)
    {
    }
}
