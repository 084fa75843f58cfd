using Kumoi.FaultTolerance.Pairs;

namespace Kumoi.Agents;

/// <summary>A pair that is to be begun.</summary>
/// <param name="Order">What is asked for.</param>
/// <param name="Force">Whoever protects the VM by now is known to be gone for good.</param>
public sealed record PairStart(PairOrder Order, bool Force);
