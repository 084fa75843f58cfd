namespace Kumoi.Lineage;

/// <summary>
/// What one evaluation of a lineage did, in order. Safe for concurrent use; formatted, it is the tree of the paper's Fig. 4.
/// </summary>
public sealed class LineageTrace(TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly List<LineageStep> _steps = [];
    private readonly long _began = time.GetTimestamp();

    public DateTimeOffset BeganAt { get; } = time.GetUtcNow();

    public IReadOnlyList<LineageStep> Steps
    {
        get
        {
            lock (_gate)
            {
                return [.. _steps];
            }
        }
    }

    /// <summary>How many elements were replaced.</summary>
    public int Substitutions => Steps.Count(step => step.Kind is LineageStepKind.Success);

    public int Failures => Steps.Count(step => step.Kind is LineageStepKind.Failure);

    internal void Add(LineageStep step)
    {
        lock (_gate)
        {
            _steps.Add(step with { At = time.GetElapsedTime(_began) });
        }
    }

    public override string ToString() => string.Join(Environment.NewLine, Steps.Select(Indented));

    private static string Indented(LineageStep step) => step.Kind switch
    {
        LineageStepKind.Source => step.ToString(),
        LineageStepKind.Operator or LineageStepKind.Extraction or LineageStepKind.Action => "| " + step,
        _ => "|   " + step,
    };
}
