namespace Kumoi.Hypervisors.Calls;

/// <summary>
/// Removes the copy of the VM that an operation on several hosts has left on this host. Looking at it and removing it are one step, as far
/// as the hypervisor has such a step. False: the host has none, or what it has is not that copy; then nothing was done. Never masked: what
/// is taken for removed must be. Journaled under an id of its own: the operation that left the copy is in the journal with its own kind.
/// </summary>
public sealed record RemoveCopy(Guid Id, CopyRemoval Removal) : VMChange<bool>(Id)
{
    public override string JournalKind => Removal.Kind switch
    {
        CopyRemovalKind.Stop => "Destroy",
        CopyRemovalKind.Undefine => "Undefine",
        _ => "UndoDefine",
    };

    public override string FaultOperation => Faults.FaultOperation.Stop;
}
