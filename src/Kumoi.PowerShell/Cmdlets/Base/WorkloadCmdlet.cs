using System.Collections.Concurrent;
using System.Management.Automation;
using Kumoi.FailureOblivious;
using Kumoi.Hypervisors;
using Kumoi.Journal;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Parameters;
using Kumoi.Workloads;

namespace Kumoi.PowerShell.Cmdlets.Base;

/// <summary>
/// A cmdlet that does a job over the fleet in steps, and writes each step. With -WhatIf it writes the plan and does nothing. The first
/// failure that nothing replaced ends it, because later steps depend on earlier ones; with -FailureOblivious it goes on without what
/// failed.
/// </summary>
public abstract class WorkloadCmdlet : StepwiseCmdlet
{
    private readonly List<KumoiConnection> _hosts = [];

    /// <summary>The hosts concerned, in the order in which they are given; else all, by name.</summary>
    [Parameter(ValueFromPipeline = true)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    [ValidateNotNullOrEmpty]
    public HostReference[] VMHost { get; set; } = [];

    /// <summary>Failures end nothing: a host that cannot be read is left out, and so is a step that fails.</summary>
    [Parameter]
    public SwitchParameter FailureOblivious { get; set; }

    /// <summary>With -FailureOblivious: what stands in for a host that cannot be read.</summary>
    [Parameter]
    public MaskMode MaskMode { get; set; }

    /// <summary>All hosts only where none were asked for: an empty pipeline does not mean everything.</summary>
    private protected IReadOnlyList<KumoiConnection> Hosts =>
        MyInvocation.ExpectingInput || MyInvocation.BoundParameters.ContainsKey(nameof(VMHost)) ? _hosts : Fleet.Hosts;

    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        Masked = MaskedFailures.Of(this, FailureOblivious);
    }

    protected override void ProcessRecord()
    {
        foreach (var host in VMHost.SelectMany(reference => FindHosts([reference])))
        {
            if (!_hosts.Contains(host))
            {
                _hosts.Add(host);
            }
        }
    }

    protected sealed override void EndProcessing()
    {
        if (!IsForJob)
        {
            Act();
        }
        else if (Hosts.Count > 0 && ShouldProcessAll(Hosts))
        {
            HandOver(nameof(VMHost), Hosts, Hosts);
        }
    }

    /// <summary>Makes the workload, and runs it.</summary>
    private protected abstract void Act();

    private protected WorkloadOptions CreateOptions(bool substitute) => new()
    {
        Mask = Masked is null ? null : MaskMode,
        Substitute = substitute && !NoSubstitutionByPreference,
    };

    private bool NoSubstitutionByPreference => Session.KumoiPreference.Of(this).Substitution is Session.SubstitutionPreference.None;

    /// <summary>Asks for the steps, and does them one by one.</summary>
    private protected void Run(Workload workload)
    {
        while (Next(workload) is { } step)
        {
            if (Approve(workload, step) && !Execute(workload, [step], limit: 1))
            {
                break;
            }
        }

        Finish(workload.Log);
    }

    /// <summary>The next step; null at the end, or when it could not be found.</summary>
    private protected KumoiPlanStep? Next(Workload workload)
    {
        try
        {
            return Settle(workload.NextAsync(StopToken));
        }
        catch (Exception e) when (e is not PipelineStoppedException)
        {
            WriteFailure(e, null);
            return null;
        }
    }

    /// <summary>Whether the step is to be done. Otherwise it was written as it is: planned, or skipped.</summary>
    private protected bool Approve(Workload workload, KumoiPlanStep step)
    {
        if (IsWhatIf())
        {
            WriteObject(step);
            workload.Assume(step);
            return false;
        }

        if (!ShouldProcess(
            $"{step.Name} on {step.VMHost}", step.Target is null ? step.Action.ToString() : $"{step.Action} to {step.Target}"))
        {
            workload.LeaveOut(step);
            WriteObject(step with { State = PlanStepState.Skipped });
            return false;
        }

        return true;
    }

    /// <summary>Does the steps, so many at a time, and writes what became of them. False: the workload ends here.</summary>
    private protected bool Execute(Workload workload, IReadOnlyList<KumoiPlanStep> steps, int limit)
    {
        var goOn = true;
        if (steps is [var first, ..])
        {
            WriteProgress(new ProgressRecord(0, MyInvocation.MyCommand.Name, Describe(first, steps.Count)));
        }

        ConcurrentQueue<string> warnings = new();
        foreach (var outcome in Enumerate(token => Fleets.FanOut.RunAsync(steps, limit, ExecuteAsync, token)))
        {
            while (warnings.TryDequeue(out var warning))
            {
                WriteWarning(warning);
            }

            if (outcome.Succeeded)
            {
                Write(outcome.Result);
                continue;
            }

            WriteObject(outcome.Element with { State = PlanStepState.Failed, Error = outcome.Error!.Message });
            WriteFailure(outcome.Error, outcome.Element.Name);
            goOn &= Masked is not null && outcome.Error is not JournalException;
        }

        if (!goOn)
        {
            WriteWarning($"{MyInvocation.MyCommand.Name} ends at this failure; what was done stays. With -FailureOblivious it goes on "
                + "without what fails.");
        }

        return goOn;

        async Task<KumoiPlanStep> ExecuteAsync(KumoiPlanStep step, CancellationToken token)
        {
            using var listening = CallWarnings.Listen(warnings.Enqueue);
            return await workload.ExecuteAsync(step, token);
        }
    }

    private protected void Finish(MaskLog log)
    {
        WriteProgress(new ProgressRecord(0, MyInvocation.MyCommand.Name, "Done") { RecordType = ProgressRecordType.Completed });
        Masked?.AddAll(log);
        Masked?.Warn();
    }

    private static string Describe(KumoiPlanStep first, int count) =>
        $"{first.Action} {first.Name}{(count > 1 ? $" and {count - 1} more" : "")}{(first.Target is { } target ? $" to {target}" : "")}";

    private void Write(KumoiPlanStep done)
    {
        foreach (var substitution in done.Substitutions)
        {
            WriteWarning(substitution);
        }

        if (done.State is PlanStepState.Replaced)
        {
            WriteWarning($"{done.Name} failed: {done.Error?.TrimEnd('.')}; another VM takes its place");
        }

        WriteObject(done);
    }
}
