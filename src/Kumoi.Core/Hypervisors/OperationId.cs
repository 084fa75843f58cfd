namespace Kumoi.Hypervisors;

/// <summary>
/// Names one change. Every VM that an operation defines carries the id in its metadata, so that undoing the operation
/// removes what it made and nothing else, even when the answer to the define call was lost.
/// </summary>
public readonly record struct OperationId(Guid Value)
{
    public static OperationId New() => new(Guid.NewGuid());

    public override string ToString() => Value.ToString("D");
}
