namespace Kumoi.PowerShell.Lineage;

/// <summary>The enumeration of one Get-KumoiHost or Get-KumoiVM in a pipeline; the pipeline itself tells what was chosen from it.</summary>
/// <param name="run">The run that it stands in.</param>
/// <param name="position">The position of the source cmdlet in its pipeline, 0-based.</param>
/// <param name="pipelineVariable">The author's variable that stands for each element; null: there is none.</param>
/// <param name="isWanted">The source's own conditions: -Tag, -State, names.</param>
internal sealed class RecordedSource(PipelineRun run, int position, string? pipelineVariable, Func<object, bool> isWanted) : LineageSource
{
    private Func<CancellationToken, Task>? _readRest;

    public PipelineRun Run => run;

    public int Position => position;

    public string? PipelineVariable => pipelineVariable;

    /// <summary>
    /// The pipeline was satisfied while more input for the source was to come: which elements would have followed is not known.
    /// </summary>
    public bool IsIncomplete { get; set; }

    /// <summary>What could not be read when a satisfied pipeline's rest was: no candidate, and told in the trace.</summary>
    public List<(string Name, string Reason)> Unreadable { get; } = [];

    /// <summary>
    /// How to go on reading when the pipeline was satisfied (<c>Select-Object -First</c>) before the enumeration had ended.
    /// </summary>
    public void StoppedEarly(Func<CancellationToken, Task> readRest) => _readRest = readRest;

    /// <summary>Reads what a satisfied pipeline had left unread, once; null if there is nothing. Without failures nobody asks.</summary>
    public Func<CancellationToken, Task>? TakeRest() => Interlocked.Exchange(ref _readRest, null);

    /// <summary>The pipeline is over.</summary>
    public void End()
    {
        _readRest = null;
        Release();
    }

    protected override bool IsWanted(object element) => isWanted(element);
}
