namespace Kumoi.Hypervisors.Calls;

/// <summary>
/// Writes the state of a running VM, memory and devices, into a file of the host, so that it can go on from there on any host that reads
/// the file. The VM is stopped for a moment only. Its disks are not in it.
/// </summary>
/// <param name="Id">The VM.</param>
/// <param name="Path">A new file. Until the call has returned it is not whole.</param>
public sealed record MakeCheckpoint(Guid Id, string Path) : HostCall<Done>
{
    // Whoever keeps checkpoints bounds their time, and makes the next one instead of the same again.
    public override CallKind Kind => CallKind.Step;

    public override string FaultOperation => Faults.FaultOperation.Phase;

    public override Guid? VMId => Id;
}
