namespace Kumoi.Hypervisors;

/// <summary>
/// What a VM carries in its metadata while an operation on several hosts works on it, so that whoever finds it after the controller's death
/// knows what was going on, even without the journal.
/// </summary>
/// <param name="Operation">The operation.</param>
/// <param name="IsStart">It starts the VM on one of the candidates; false: it migrates the running VM to one of them.</param>
/// <param name="Home">The host that the VM was on before, by its name in the session; null for a VM that the operation makes.</param>
/// <param name="Candidates">The targets, likewise.</param>
/// <param name="Controller">The process that runs the operation, as the journal's owner can be read from it; empty: not known.</param>
public sealed record SpeculationMark(OperationId Operation, bool IsStart, string? Home, IReadOnlyList<string> Candidates, string Controller)
{
    /// <summary>The number of the copy's host among the candidates, 1, 2, …; 0 for the VM where it was before.</summary>
    public int Replica { get; init; }

    /// <summary>Written before this copy was let run: it may have run since. The others were never let run.</summary>
    public bool IsNamed { get; init; }

    /// <summary>The winner arrives paused, and is to be let run when the source has given the VM up; then the mark is taken off.</summary>
    public bool IsStrict { get; init; }

    /// <summary>Its host started the VM with itself, before the operation: where it stays, the mark's end sets that again.</summary>
    public bool IsAutostart { get; init; }
}
