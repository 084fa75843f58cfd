namespace Kumoi.PowerShell.Lineage;

/// <summary>The whole input of a Select-KumoiHost or Select-KumoiVM: its picks, and the rest as reserve.</summary>
internal sealed class HeldSelection(PipelineRun? run, int position, string title, bool fromEnd, int count) : LineageSource
{
    /// <summary>The run of the pipeline in which it was picked; null where that is unknown.</summary>
    public PipelineRun? Run => run;

    public int Position => position;

    /// <summary>The operator as it was written, for the trace.</summary>
    public string Title => title;

    public bool FromEnd => fromEnd;

    /// <summary>What the operator chooses when some elements have failed, in order.</summary>
    public IReadOnlyList<int> Choose(IReadOnlySet<int> failed)
    {
        var left = Enumerable.Range(0, Elements.Count).Where(index => !failed.Contains(index));
        return [.. fromEnd ? left.TakeLast(count) : left.Take(count)];
    }
}
