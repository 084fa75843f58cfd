namespace Kumoi.Hypervisors.Calls;

/// <summary>
/// The VM's definition as it holds from its next start on (domain XML), with secrets: to define another VM from, and never to be shown
/// or written down. Never masked: nothing can be made from a definition that nobody has read.
/// </summary>
public sealed record ReadDefinition(Guid Id) : HostCall<string>
{
    public override CallKind Kind => CallKind.Read;

    public override string FaultOperation => Faults.FaultOperation.Read;

    public override Guid? VMId => Id;
}
