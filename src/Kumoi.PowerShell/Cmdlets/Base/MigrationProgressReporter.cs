using System.Management.Automation;
using Kumoi.Hypervisors;
using Kumoi.PowerShell.Actions;

namespace Kumoi.PowerShell.Cmdlets.Base;

/// <summary>A live migration as a progress bar.</summary>
internal sealed class MigrationProgressReporter(ActionProgress progress, int id, string activity) : IProgress<MigrationProgress>
{
    public void Report(MigrationProgress value) => progress.Report(
        new ProgressRecord(id, activity, $"{value.BytesProcessed >> 20} MiB sent, {value.BytesRemaining >> 20} MiB to go")
        {
            PercentComplete = (int)(value.Ratio * 100),
        });
}
