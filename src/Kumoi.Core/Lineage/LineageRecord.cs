using Kumoi.Lineage.Nodes;

namespace Kumoi.Lineage;

/// <summary>What one evaluation tells: its trace, and the attempts for the exception. Used by one thread at a time.</summary>
internal sealed class LineageRecord(LineageTrace trace, SourceNode source, int depth)
{
    private readonly bool[] _operators = new bool[depth];
    private readonly HashSet<LineageNode> _withoutCandidate = [];
    private readonly List<LineageAttempt> _attempts = [];

    /// <summary>Once for each operator: its line, with the counts of the first time.</summary>
    public void Operator(LineageNode node, int countIn, int? countOut)
    {
        if (_operators[node.Depth])
        {
            return;
        }

        _operators[node.Depth] = true;
        trace.Add(new LineageStep
        {
            Kind = KindOf(node),
            Operator = node.Name,
            CountIn = node.IsFilter || countOut is null ? countIn : null,
            CountOut = countOut,
        });
    }

    public void Failed(LineageNode node, LineageItem item, Exception failure)
    {
        _attempts.Add(new LineageAttempt(NameOf(item), node.Name, failure));
        trace.Add(new LineageStep
        {
            Kind = LineageStepKind.Failure,
            Operator = node.Name,
            Element = NameOf(item),
            Detail = failure.Message,
            FaultDomain = FaultDomains.Of(failure),
        });
    }

    public void TurnedDown(LineageNode extraction, LineageItem item, string why)
    {
        _attempts.Add(new LineageAttempt(NameOf(item), extraction.Name, null));
        Add(LineageStepKind.Rejection, extraction, item, why);
    }

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

    public void Undone(LineageNode node, LineageItem item, Exception? failure) =>
        Add(LineageStepKind.Compensation, node, item, failure is null ? null : "could not be undone: " + failure.Message);

    /// <summary>Why there is no substitution.</summary>
    public void NotAnswered(LineageNode node, Exception failure) => trace.Add(new LineageStep
    {
        Kind = LineageStepKind.Note,
        Operator = node.Name,
        Detail = FaultDomains.Of(failure) is var domain && (domain is FaultDomain.Unknown || source.Answers.Contains(domain))
            ? "no extraction above: no substitution"
            : $"a failure of the {domain} is not answered here",
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
        trace.Add(new LineageStep { Kind = kind, Operator = node.Name, Element = NameOf(item), Detail = detail });

    private string NameOf(LineageItem item) => source.NameOf(item.Source);

    private static LineageStepKind KindOf(LineageNode node) => node switch
    {
        SourceNode => LineageStepKind.Source,
        { IsExtraction: true } => LineageStepKind.Extraction,
        { IsAction: true } => LineageStepKind.Action,
        _ => LineageStepKind.Operator,
    };
}
