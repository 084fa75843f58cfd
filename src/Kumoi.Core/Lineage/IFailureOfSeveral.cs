namespace Kumoi.Lineage;

/// <summary>
/// Implemented by exceptions that others make up, such as the errors of one script: <see cref="FaultRules"/> looks at each of those.
/// </summary>
internal interface IFailureOfSeveral
{
    IEnumerable<Exception> Failures { get; }
}
