namespace Kumoi.Hypervisors.Calls;

/// <summary>
/// The inverse of <see cref="DefineVM"/> and of a start after it: stops and removes the VM that carries the operation, with the volumes
/// that were made for it; those that others use by now stay, and are told by <see cref="CallWarnings"/>. False: the host has no such VM.
/// Never masked: who takes what was made for removed makes a second copy.
/// </summary>
public sealed record UndoDefineVM : HostChange<bool>
{
    /// <summary>Undoes what that operation has made.</summary>
    /// <param name="operation">The operation that made the VM.</param>
    public UndoDefineVM(OperationId operation) => Operation = operation;

    public override string JournalKind => "UndoDefine";

    public override string FaultOperation => Faults.FaultOperation.Stop;

    public override bool ProvesUndone(bool result) => result;
}
