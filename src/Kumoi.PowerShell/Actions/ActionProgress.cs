using System.Management.Automation;
using System.Threading.Channels;
using Kumoi.PowerShell.Jobs;

namespace Kumoi.PowerShell.Actions;

/// <summary>What a worker reports while it works. Only the pipeline thread, or a job, may write, so it is handed over.</summary>
internal sealed class ActionProgress(Channel<Action<IActionOutput>> channel)
{
    /// <summary>Progress is shown at most this often.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    private long _lastReport;

    /// <summary>A warning, which unlike progress is never dropped.</summary>
    public async Task WarnAsync(string message, CancellationToken cancellationToken) =>
        await channel.Writer.WriteAsync(output => output.WriteWarning(Visible.Lines(message)), cancellationToken);

    /// <summary>The record as a terminal may show it.</summary>
    public static ProgressRecord Shown(ProgressRecord record)
    {
        record.Activity = Visible.Text(record.Activity);
        record.StatusDescription = Visible.Text(record.StatusDescription);
        record.CurrentOperation = record.CurrentOperation is null ? null : Visible.Text(record.CurrentOperation);
        return record;
    }

    public void Report(ProgressRecord record)
    {
        var now = TimeProvider.System.GetTimestamp();
        if (record.RecordType is ProgressRecordType.Completed || _lastReport == 0
            || TimeProvider.System.GetElapsedTime(_lastReport, now) >= Interval)
        {
            _lastReport = now;
            // A full channel drops progress, never work.
            channel.Writer.TryWrite(output => output.WriteProgress(Shown(record)));
        }
    }
}
