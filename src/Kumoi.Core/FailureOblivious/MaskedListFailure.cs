namespace Kumoi.FailureOblivious;

/// <summary>
/// Elements of a list operation failed and were left out: <c>FailureObliviousList(operation, [(element, cause)…])</c> of paper 000.
/// </summary>
public sealed record MaskedListFailure(string Operation, IReadOnlyList<(string Element, Exception Cause)> Elements) : MaskedFailure
{
    public override string Description =>
        $"{Operation}: {string.Join("; ", Elements.Select(failed => $"{failed.Element}: {failed.Cause.Message}"))}";
}
