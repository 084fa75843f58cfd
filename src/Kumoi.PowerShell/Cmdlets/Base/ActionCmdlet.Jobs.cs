using System.Management.Automation;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Jobs;

namespace Kumoi.PowerShell.Cmdlets.Base;

/// <content>A job that goes on with the work while the prompt is free.</content>
public abstract partial class ActionCmdlet
{
    /// <summary>To look at all that is under way for each element would take long.</summary>
    private const int BetweenLooks = 256;

    /// <summary>A pipeline that brings very many elements to a job waits for some to settle.</summary>
    private void WaitForRoom()
    {
        while (_runs.Count % BetweenLooks == 0 && Unsettled() is { Count: > MaxUnsettled } unsettled)
        {
            WaitForEnd(Task.WhenAny(unsettled));
        }
    }

    /// <summary>Nothing to do is no job: what was not found, or was declined, was said already.</summary>
    private void HandOver()
    {
        if (_runs.Count == 0)
        {
            return;
        }

        _job = new KumoiJob(
            MyInvocation.MyCommand.Name, MyInvocation.Line.Trim(), [.. _runs.Select(static run => run.Request.Target.ToString() ?? "")], Cancel);
        JobRepository.Add(_job);
        _job.Run(GoOnAsync);
        WriteObject(_job);
    }

    /// <summary>Writes what comes until all is settled. False: something has failed.</summary>
    private async Task<bool> GoOnAsync(IActionOutput output)
    {
        _output = output;
        Masked?.WriteTo(output);
        try
        {
            while (true)
            {
                _pump!.WriteMessages(_output);

                // In this order: what settles after it was looked at is in the list, and ends the wait at once.
                var unsettled = Unsettled();
                WriteSettled();
                if (unsettled.Count == 0 && !_pump.HasMessages)
                {
                    break;
                }

                await Task.WhenAny([.. unsettled, _pump.NextMessage()]);
                if (StopToken.IsCancellationRequested)
                {
                    await Task.WhenAll(unsettled).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                }
            }

            WarnOfJournal();
            Masked?.Warn();
            return _runs.TrueForAll(run => run.Error is null);
        }
        finally
        {
            _pump?.Dispose();
            base.Dispose(disposing: true);
        }
    }

    /// <summary>The streams of the cmdlet itself.</summary>
    private sealed class PipelineOutput(ActionCmdlet cmdlet) : IActionOutput
    {
        public void WriteObject(object output) => ((Cmdlet)cmdlet).WriteObject(output);

        public void WriteError(ErrorRecord error) => ((Cmdlet)cmdlet).WriteError(error);

        public void WriteWarning(string text) => ((Cmdlet)cmdlet).WriteWarning(text);

        public void WriteInformation(InformationRecord information) => ((Cmdlet)cmdlet).WriteInformation(information);

        public void WriteProgress(ProgressRecord progress) => ((Cmdlet)cmdlet).WriteProgress(progress);
    }
}
