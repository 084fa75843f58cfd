namespace Kumoi.Lineage;

/// <summary>What all chains of one evaluation share.</summary>
internal sealed class LineageContext(LineageTrace trace, LineageOptions options, CancellationToken cancellationToken)
{
    public LineageRecord Record { get; } = new(trace);

    public LineageOptions Options => options;

    public CancellationToken CancellationToken => cancellationToken;

    /// <summary>Counts how often substitutes were looked for; an element is read again once in a round.</summary>
    public int Round { get; set; }

    /// <summary>
    /// Counts what makes the chains be looked at anew: elements that are out, are read again, or are no longer held back.
    /// </summary>
    public int Changes { get; set; }

    /// <summary>The chain below all others.</summary>
    public LineageRun? Last { get; set; }

    /// <summary>Runs work on items, up to the throttle.</summary>
    public Task<Exception?[]> PumpAsync(IReadOnlyList<LineageItem> items, Func<LineageItem, ValueTask> work) =>
        LineagePump.RunAsync(items, options.MaxConcurrency, work, (_, _) => false, cancellationToken);
}
