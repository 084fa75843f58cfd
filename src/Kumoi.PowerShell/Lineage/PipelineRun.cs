using System.Management.Automation.Language;
using System.Management.Automation.Runspaces;
using System.Runtime.CompilerServices;
using Kumoi.Fleets.Journaling;
using Kumoi.Lineage;

namespace Kumoi.PowerShell.Lineage;

/// <summary>
/// One execution of one pipeline, shared by the Kumoi cmdlets in it. It is found by its statement and its runspace, and lives until the
/// cmdlet that opened it is disposed: that it lives proves that it is this execution and not an earlier one.
/// </summary>
internal sealed class PipelineRun : IDisposable
{
    private static readonly ConditionalWeakTable<Runspace, List<PipelineRun>> Live = new();

    private readonly List<PipelineRun> _siblings;
    private readonly ConditionalWeakTable<LineageSource, ElementLedger> _ledgers = new();

    private PipelineRun(PipelineLocation location, List<PipelineRun> siblings)
    {
        Pipeline = location.Pipeline;
        File = location.File;
        _siblings = siblings;
        var action = OpenOutcomes.Current;
        var outer = siblings.LastOrDefault()?.Outcomes;
        Outcomes = new OpenOutcomes(outer is not null && outer.Depth > (action?.Depth ?? -1) ? outer : action);
        siblings.Add(this);
    }

    public PipelineAst Pipeline { get; }

    public string? File { get; }

    public bool IsAlive { get; private set; } = true;

    /// <summary>What this run did with the elements of a source. A pipeline can have several.</summary>
    public ElementLedger Of(LineageSource source) => _ledgers.GetOrCreateValue(source);

    /// <summary>
    /// What the author's own steps and statements left open while the pipeline ran. What its cmdlets did to their elements is counted with
    /// those elements.
    /// </summary>
    public OpenOutcomes Outcomes { get; }

    public LineageTrace Trace { get; } = new(TimeProvider.System);

    /// <summary>What was bound when a Kumoi cmdlet began, by its position: a replay must not evaluate arguments again.</summary>
    public Dictionary<int, BoundArguments> Arguments { get; } = [];

    public static PipelineRun Open(PipelineLocation location) => new(location, Live.GetOrCreateValue(Runspace.DefaultRunspace));

    /// <summary>The run that an upstream cmdlet of the same statement opened in this runspace; null if there is none.</summary>
    public static PipelineRun? Find(PipelineLocation location) =>
        Live.TryGetValue(Runspace.DefaultRunspace, out var runs)
            ? runs.FindLast(run => ReferenceEquals(run.Pipeline, location.Pipeline))
            : null;

    /// <summary>The pipeline of this runspace in one of whose steps the current statement is run; null if there is none.</summary>
    public static PipelineRun? Enclosing(PipelineRun? own) =>
        Live.TryGetValue(Runspace.DefaultRunspace, out var runs) ? runs.FindLast(run => !ReferenceEquals(run, own)) : null;

    public void Dispose()
    {
        IsAlive = false;
        _siblings.Remove(this);
    }
}
