namespace Kumoi.PowerShell.Lineage;

/// <summary>The enumeration of one Get-KumoiHost or Get-KumoiVM in a pipeline; the pipeline itself tells what was chosen from it.</summary>
internal sealed class RecordedSource(PipelineRun run, int position) : LineageSource
{
    private Func<CancellationToken, Task>? _readRest;

    public PipelineRun Run => run;

    /// <summary>The position of the source cmdlet in its pipeline, 0-based.</summary>
    public int Position => position;

    /// <summary>How to go on reading when the pipeline was satisfied (<c>Select-Object -First</c>) before the enumeration had ended.</summary>
    public void StoppedEarly(Func<CancellationToken, Task> readRest) => _readRest = readRest;

    /// <summary>Reads what a satisfied pipeline had left unread, once; null if there is nothing. Without failures nobody asks.</summary>
    public Func<CancellationToken, Task>? TakeRest() => Interlocked.Exchange(ref _readRest, null);
}
