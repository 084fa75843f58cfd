using System.Globalization;

namespace Kumoi.Lineage;

/// <summary>One line of a trace. Counts are null where they were not known without extra work.</summary>
public sealed record LineageStep
{
    public required LineageStepKind Kind { get; init; }

    /// <summary>The operator or action, such as <c>Where-Object CpuRatio -lt 0.9</c> or <c>filter</c>.</summary>
    public required string Operator { get; init; }

    public int? CountIn { get; init; }

    public int? CountOut { get; init; }

    /// <summary>The element concerned, by its name.</summary>
    public string? Element { get; init; }

    public string? Detail { get; init; }

    public FaultDomain? FaultDomain { get; init; }

    /// <summary>Since the evaluation began.</summary>
    public TimeSpan At { get; init; }

    /// <summary>As in Fig. 4 of the paper: <c>take(alt) kvm42</c>, <c>map ✗ kvm34: …disk isn't accessible</c>.</summary>
    public override string ToString()
    {
        var text = Kind switch
        {
            LineageStepKind.Failure => $"{Operator} ✗ {Element}",
            LineageStepKind.Substitution => $"{Operator}(alt) {Element}",
            LineageStepKind.Success => $"{Operator}(alt) ✓ {Element}",
            LineageStepKind.Rejection => $"{Operator}(alt) – {Element}",
            LineageStepKind.Compensation => $"undo {Operator} {Element}",
            LineageStepKind.Exhaustion => $"{Operator} exhausted",
            _ => Operator,
        };
        text += (CountIn, CountOut) switch
        {
            (null, null) => "",
            (null, { } only) => string.Create(CultureInfo.InvariantCulture, $"  {only}"),
            ({ } only, null) => string.Create(CultureInfo.InvariantCulture, $"  {only} →"),
            ({ } before, { } after) => string.Create(CultureInfo.InvariantCulture, $"  {before} → {after}"),
        };
        return Detail is null ? text : $"{text}: {Detail}";
    }
}
