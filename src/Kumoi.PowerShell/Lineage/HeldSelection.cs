namespace Kumoi.PowerShell.Lineage;

/// <summary>
/// The whole input of a Select-KumoiHost or Select-KumoiVM: its picks, and the rest as reserve. <paramref name="choose"/> is the operator:
/// of the elements that are left, by their indices in input order, those that it picks, in the order in which they come out.
/// </summary>
internal sealed class HeldSelection(
    PipelineRun? run, int position, string title, bool settlesBeforeOutput,
    Func<IReadOnlyList<int>, IEnumerable<int>> choose) : LineageSource
{
    /// <summary>The run of the pipeline in which it was picked; null where that is unknown.</summary>
    public PipelineRun? Run => run;

    public int Position => position;

    /// <summary>The operator as it was written, for the trace.</summary>
    public string Title => title;

    /// <summary>Substitutes do not simply come after the picks.</summary>
    public bool SettlesBeforeOutput => settlesBeforeOutput;

    /// <summary>Why the operator cannot choose again; null if it can.</summary>
    public string? Obstacle { get; init; }

    /// <summary>What the operator's block reads, if it is run again.</summary>
    public RecordedReads? Reads { get; init; }

    /// <summary>What of it is no longer as it was; null: all is.</summary>
    public string? Changed => Reads?.Changed(null);

    /// <summary>What the operator chooses when some elements have failed, in order.</summary>
    public IReadOnlyList<int> Choose(IReadOnlySet<int> failed) =>
        [.. choose([.. Enumerable.Range(0, Elements.Count).Where(index => !failed.Contains(index))])];
}
