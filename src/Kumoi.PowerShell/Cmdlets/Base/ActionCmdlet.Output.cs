using System.Management.Automation;
using Kumoi.Hypervisors;
using Kumoi.Lineage;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Lineage;

namespace Kumoi.PowerShell.Cmdlets.Base;

/// <content>What comes out, and what is an error.</content>
public abstract partial class ActionCmdlet
{
    private void Write(ActionRun run)
    {
        run.IsWritten = true;
        if (run.Error is { } error)
        {
            WriteUnreplaced(run, error);
            return;
        }

        if (_replay is not null && run.Task.Result.MovedTo is { } movedTo)
        {
            _replay.Moved(movedTo);
        }

        if (_replay is not null && run.Task.Result.Undo is { } undo)
        {
            _replay.Did(new DoneStep(MyInvocation.MyCommand.Name, undo));
        }

        if (run.Request is ActionRequest.OnPipelineThread)
        {
            foreach (var open in run.Open.Where(open => open.Why is not null))
            {
                _output.WriteWarning(Visible.Lines($"{open}. The action on {run.Request.Target} did not report it."));
            }
        }

        try
        {
            foreach (var output in run.Task.Result.Output)
            {
                _output.WriteObject(WithOrigin(output, run));
            }
        }
        catch (PipelineStoppedException) when (!Stopping)
        {
            // A later command has enough. Failures that waited to be replaced are errors now.
            foreach (var failed in _runs.Where(
                other => other is { IsWritten: false, IsSettled: true, Error: not null, IsSubstitute: false }).ToList())
            {
                failed.IsWritten = true;
                WriteUnreplaced(failed, failed.Error!);
            }

            throw;
        }
    }

    private void WriteUnreplaced(ActionRun run, Exception error)
    {
        if (_replay is not null)
        {
            _replay.Fail(error);
            return;
        }

        if (FaultRules.IsNotUndone(error))
        {
            NoteDebris(MyInvocation.MyCommand.Name, run.Request.Target, error.Message);
        }

        if (Masked is not null && MaskedFailures.CanBeMasked(error) && !run.IsOutcomeOpen && run.Open.Count == 0)
        {
            Masked.Add(run.Request.Target.ToString()!, error);
        }
        else if (run.Verdict is { } verdict)
        {
            _output.WriteError(ToRecord(run, error, verdict));
        }
        else if (error is ActionFailedException failed)
        {
            failed.Records.ForEach(_output.WriteError);
            WriteHidden(run, failed);
        }
        else if (error is not OperationCanceledException || !StopToken.IsCancellationRequested)
        {
            _output.WriteError(Errors.ToRecord(error, run.Request.Target));
        }
    }

    private static ErrorRecord ToRecord(ActionRun run, Exception error, ActionVerdict verdict)
    {
        var record = Errors.ToRecord(error, run.Request.Target, verdict.IsExhausted ? ActionFailedException.ExhaustedId : null);
        var advising = verdict.AdviceOf is { } other ? Errors.ToRecord(other, null) : record;
        record.ErrorDetails =
            new ErrorDetails(verdict.Message) { RecommendedAction = verdict.Advice ?? advising.ErrorDetails.RecommendedAction };
        return record;
    }

    /// <summary>What a script block has not reported: another error says nothing of a VM that may be there.</summary>
    private void WriteHidden(ActionRun run, ActionFailedException failed)
    {
        foreach (var open in run.Open.Where(open => !failed.Records.Exists(record => FaultRules.MayHaveTakenEffect(record.Exception))))
        {
            _output.WriteError(Errors.ToRecord(
                new HypervisorException(
                    $"{open}.", outcomeUnknown: true, recommendedAction: "Check what is there with Get-KumoiVM before you do it again."),
                run.Request.Target, Errors.OutcomeUnknownId));
        }
    }

    /// <summary>What comes out stands for the element that went in, with what was done to it.</summary>
    private object WithOrigin(object output, ActionRun run)
    {
        if (run.Request.Origin is not { } origin)
        {
            return output;
        }

        var done = run.Task.Result.MovedTo is { } to ? [.. origin.Done.Select(step => step with { MovedTo = to })] : origin.Done;
        done = run.Task.Result.Undo is { } undo ? [.. done, new DoneStep(MyInvocation.MyCommand.Name, undo)] : done;
        var moved = origin with
        {
            IsElement = false,
            Done = done,
            Trace = _lineage?.Trace ?? origin.Trace,
            LeftOpen = run.Outcomes.IsOpen ? [.. origin.LeftOpen, run.Outcomes] : origin.LeftOpen,
        };
        return (output is PSObject wrapped ? wrapped.BaseObject : output) switch
        {
            KumoiVM vm => vm.WithOrigin(moved),
            KumoiHost host => host.WithOrigin(moved),
            KumoiTemplate template => template.WithOrigin(moved),
            _ => output,
        };
    }
}
