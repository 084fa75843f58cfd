namespace Kumoi.Lineage;

/// <summary>One element that was tried and is out: it failed, or it was a candidate and was turned down.</summary>
/// <param name="Element">Its name.</param>
/// <param name="Operator">Where, by the operator's name in the trace.</param>
/// <param name="Failure">Null: it was turned down.</param>
public sealed record LineageAttempt(string Element, string Operator, Exception? Failure);
