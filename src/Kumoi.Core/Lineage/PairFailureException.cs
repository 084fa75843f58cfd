namespace Kumoi.Lineage;

/// <summary>
/// Names the side on which a pair of <c>Zip</c> failed: thrown by a function that works on pairs, it has that side substituted. The inner
/// exception is the failure; where that side is a pair itself, it may be another of this kind.
/// </summary>
public sealed class PairFailureException : Exception, IFaultDomainSource
{
    public PairFailureException(PairSide side, Exception failure)
        : base(Of(failure).Message, failure) => Side = side;

    public PairSide Side { get; }

    /// <summary>That of the failure.</summary>
    public FaultDomain FaultDomain => FaultRules.DomainOf(InnerException!);

    private static Exception Of(Exception failure)
    {
        ArgumentNullException.ThrowIfNull(failure);
        return failure;
    }
}
