namespace Kumoi.Hypervisors;

/// <summary>
/// Which copy of a VM may be removed from a host: one that an operation on several hosts has left there, and nothing else. The host's own
/// copy must say so itself; what another host, or the journal, says of it is not enough.
/// </summary>
/// <param name="Operation">Whose mark the copy carries.</param>
/// <param name="Replica">
/// The host's number in the mark, 0 where the VM was before. A copy that has gone on to another host bears another number.
/// </param>
/// <param name="Places">What the host may have of it. Anything else is not touched.</param>
/// <param name="Kind">How much of it goes.</param>
public sealed record CopyRemoval(OperationId Operation, int Replica, IReadOnlyList<VMWhereabouts> Places, CopyRemovalKind Kind)
{
    /// <summary>Also a copy without any mark, as long as a migration holds it.</summary>
    public bool MayLackMark { get; init; }

    /// <summary>Whether that copy may be removed.</summary>
    public bool Fits(SpeculationMark? mark, VMWhereabouts place) =>
        Places.Contains(place) && (mark is null
            ? MayLackMark && place is VMWhereabouts.MigrationPaused : mark.Operation == Operation && mark.Replica == Replica);
}
