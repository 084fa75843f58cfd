using System.Globalization;
using System.Management.Automation;
using Kumoi.Hypervisors;
using Kumoi.PowerShell.Actions;

namespace Kumoi.PowerShell.Cmdlets.Base;

/// <summary>The copying of data as a progress bar, with its rate and the time that is left. Disposing it takes the bar away.</summary>
internal sealed class CopyProgressReporter(ActionProgress progress, int id, string activity, TimeProvider time)
    : IProgress<CopyProgress>, IDisposable
{
    private readonly long _began = time.GetTimestamp();

    public void Report(CopyProgress value) => progress.Report(RecordOf(value, time.GetElapsedTime(_began)));

    public void Dispose() =>
        progress.Report(new ProgressRecord(id, activity, "Done") { RecordType = ProgressRecordType.Completed });

    internal ProgressRecord RecordOf(CopyProgress value, TimeSpan elapsed)
    {
        var rate = elapsed > TimeSpan.Zero ? value.BytesDone / elapsed.TotalSeconds : 0; // bytes per second
        var status = string.Create(
            CultureInfo.InvariantCulture, $"{value.BytesDone >> 20} of {value.BytesTotal >> 20} MiB, {rate / (1 << 20):0.#} MiB/s");
        return new ProgressRecord(id, activity, status)
        {
            PercentComplete = (int)(value.Ratio * 100),
            SecondsRemaining = rate > 0 ? (int)Math.Min(int.MaxValue, Math.Max(0, value.BytesTotal - value.BytesDone) / rate) : -1,
        };
    }
}
