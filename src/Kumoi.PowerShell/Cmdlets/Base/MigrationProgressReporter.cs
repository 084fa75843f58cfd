using System.Globalization;
using System.Management.Automation;
using Kumoi.Hypervisors;
using Kumoi.PowerShell.Actions;

namespace Kumoi.PowerShell.Cmdlets.Base;

/// <summary>A live migration as a progress bar, with its rate and the time that is left.</summary>
internal sealed class MigrationProgressReporter(ActionProgress progress, int id, string activity, TimeProvider time)
    : IProgress<MigrationProgress>
{
    private readonly long _began = time.GetTimestamp();

    public void Report(MigrationProgress value) => progress.Report(RecordOf(value, time.GetElapsedTime(_began)));

    internal ProgressRecord RecordOf(MigrationProgress value, TimeSpan elapsed)
    {
        var rate = elapsed > TimeSpan.Zero ? value.BytesProcessed / elapsed.TotalSeconds : 0; // bytes per second
        var status = string.Create(
            CultureInfo.InvariantCulture,
            $"{value.BytesProcessed >> 20} MiB sent, {value.BytesRemaining >> 20} MiB to go, {rate / (1 << 20):0.#} MiB/s");
        return new ProgressRecord(id, activity, status)
        {
            PercentComplete = (int)(value.Ratio * 100),

            // What the guest writes meanwhile comes on top.
            SecondsRemaining = rate > 0 ? (int)Math.Min(int.MaxValue, value.BytesRemaining / rate) : -1,
        };
    }
}
