namespace Kumoi.PowerShell.Lineage;

/// <summary>What one run of a pipeline did with the elements of one source, by their indices.</summary>
internal sealed class ElementLedger
{
    /// <summary>The elements that failed, or were turned down as candidates: D of the definition.</summary>
    public HashSet<int> Failed { get; } = [];

    /// <summary>The elements that were worked on or are known to be dropped by the pipeline's own steps.</summary>
    public HashSet<int> Used { get; } = [];

    /// <summary>
    /// The elements that a cmdlet of the pipeline left out, and said so: they failed and nothing took their place, or were declined.
    /// </summary>
    public HashSet<int> LeftOut { get; } = [];
}
