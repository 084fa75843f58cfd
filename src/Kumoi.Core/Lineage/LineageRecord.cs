namespace Kumoi.Lineage;

/// <summary>What one evaluation reports: its trace, and the attempts for the exception. Used by one thread at a time.</summary>
internal sealed class LineageRecord(LineageTrace trace)
{
    private readonly HashSet<LineageNode> _withoutCandidate = [];
    private readonly List<LineageAttempt> _attempts = [];

    /// <summary>What failed first of all.</summary>
    public Exception? FirstFailure => _attempts.Find(attempt => attempt.Failure is not null)?.Failure;

    /// <summary>Why something could not be undone; null: all was.</summary>
    public Exception? Undoing { get; private set; }

    /// <summary>Its line, with the counts of the first time.</summary>
    public void Operator(LineageNode node, int countIn, int? countOut) => trace.Add(new LineageStep
    {
        Kind = KindOf(node),
        Operator = node.Name,
        CountIn = node.IsFilter || countOut is null ? countIn : null,
        CountOut = countOut,
    });

    public void Failed(LineageNode node, string element, Exception failure)
    {
        _attempts.Add(new LineageAttempt(element, node.Name, failure));
        trace.Add(new LineageStep
        {
            Kind = LineageStepKind.Failure,
            Operator = node.Name,
            Element = element,
            Detail = failure.Message,
            FaultDomain = FaultRules.DomainOf(failure),
        });
    }

    /// <summary>Takes out a candidate, as far as it is one.</summary>
    public void TurnDown(LineageNode extraction, LineageItem item, IReadOnlyList<LineageItem> elements, string why)
    {
        var name = NameOf(item, elements);
        _attempts.Add(new LineageAttempt(name, extraction.Name, null));
        trace.Add(new LineageStep { Kind = LineageStepKind.Rejection, Operator = extraction.Name, Element = name, Detail = why });
        foreach (var element in elements)
        {
            element.TakeOut();
        }
    }

    /// <summary>The item's name, or, where only a part of it is concerned, the part's.</summary>
    public static string NameOf(LineageItem item, IReadOnlyList<LineageItem> elements) =>
        item.Elements.All(elements.Contains) ? item.Name : string.Join(", ", elements.Select(element => element.Name));

    public void Substituted(LineageNode extraction, IEnumerable<LineageItem> items)
    {
        foreach (var item in items)
        {
            Add(LineageStepKind.Substitution, extraction, item, null);
        }
    }

    public void Succeeded(LineageNode node, IEnumerable<LineageItem> items)
    {
        foreach (var item in items)
        {
            Add(LineageStepKind.Success, node, item, null);
        }
    }

    public void Undone(LineageNode node, LineageItem item, Exception? failure)
    {
        Undoing ??= failure;
        Add(LineageStepKind.Compensation, node, item, failure is null ? null : "could not be undone: " + failure.Message);
    }

    /// <summary>Why there is no substitution.</summary>
    public void NotReplaced(LineageNode node, string why) => trace.Add(new LineageStep
    {
        Kind = LineageStepKind.Note,
        Operator = node.Name,
        Detail = $"no substitution: {why}",
    });

    /// <summary>Once for each operator: why what it left is no reserve.</summary>
    public void NoCandidate(LineageNode node)
    {
        if (node.NoCandidate is not null && _withoutCandidate.Add(node))
        {
            trace.Add(new LineageStep { Kind = LineageStepKind.Note, Operator = node.Name, Detail = node.NoCandidate });
        }
    }

    public ReserveExhaustedException Exhausted(LineageNode extraction, Exception original)
    {
        trace.Add(new LineageStep { Kind = LineageStepKind.Exhaustion, Operator = extraction.Name });
        var elements = string.Join(", ", _attempts.Select(attempt => attempt.Element));
        return new ReserveExhaustedException(
            $"{original.Message} Nothing is left in the reserve of '{extraction.Name}' (tried: {elements}).", original, [.. _attempts]);
    }

    private void Add(LineageStepKind kind, LineageNode node, LineageItem item, string? detail) =>
        trace.Add(new LineageStep { Kind = kind, Operator = node.Name, Element = item.Name, Detail = detail });

    private static LineageStepKind KindOf(LineageNode node) => node switch
    {
        SourceNode => LineageStepKind.Source,
        { IsExtraction: true } => LineageStepKind.Extraction,
        { IsAction: true } => LineageStepKind.Action,
        _ => LineageStepKind.Operator,
    };
}
