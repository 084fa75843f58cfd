using Kumoi.FaultTolerance.Protocols;
using Kumoi.Journal;

namespace Kumoi.FaultTolerance.Pairs;

/// <summary>A pair as the journal has it.</summary>
/// <param name="Order">What was asked for.</param>
/// <param name="Owner">The process that keeps it, or has kept it.</param>
/// <param name="BegunAt">When it was asked for.</param>
internal sealed record PairState(PairOrder Order, OperationOwner? Owner, DateTimeOffset BegunAt)
{
    /// <summary>What was written last of its phase; between two phases its own file knows more.</summary>
    public PairRecord Last { get; init; } = new(PairPhase.Starting, Order.Primary, null, null);

    /// <summary>Nobody goes on with it.</summary>
    public bool IsOver { get; init; }
}
