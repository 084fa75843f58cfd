using Kumoi.Hypervisors;

namespace Kumoi.Fleets.Links;

/// <summary>
/// A call as its host's policy sees it: it keeps its answer for itself. Of one type for all answers, so that a policy's code is compiled once
/// and not in the middle of each new kind of work.
/// </summary>
public abstract class PolicyCall
{
    /// <summary>Not a step.</summary>
    public abstract CallKind Kind { get; }

    /// <summary>Is entered before each try, outside its time-out.</summary>
    public abstract ICallGate Gate { get; }

    /// <summary>Makes the call; perhaps not for the first time.</summary>
    public abstract Task TryAsync(CancellationToken cancellationToken);
}
